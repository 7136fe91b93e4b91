using VisionService.Inference;

namespace VisionService.Tests.Inference;

/// <summary>Who may wait: each bound, what a refusal says and costs, and that every place comes back.</summary>
public sealed class AdmissionTests
{
    private readonly ManualTime _time = new();
    private readonly object _anna = new();
    private double _secondsPerItem;

    [Fact]
    public void The_count_is_bounded_and_the_refusal_names_value_and_limit()
    {
        var admission = New(maxQueueSize: 2);
        Admit(admission, images: 2);
        Assert.Equal(
            "2 images wait for model 'm' and 1 more came; its queue takes 2 (MaxQueueSize).",
            Refusal(admission).Message);
    }

    [Fact]
    public void The_bytes_are_bounded_and_the_refusal_names_value_and_limit()
    {
        var admission = New(maxQueueBytes: 100);
        Admit(admission, bytes: 60);
        Admit(admission, bytes: 40); // the last byte is still in
        Assert.Equal(
            "Requests of 100 bytes wait for model 'm' and 1 more came; its queue takes 100 (MaxQueueBytes).",
            Refusal(admission, bytes: 1).Message);
    }

    [Fact]
    public void A_lone_request_of_any_size_is_let_in()
    {
        var admission = New(maxQueueBytes: 100);
        using (Admit(admission, bytes: 1_000_000)[0])
        {
            Assert.Contains("1000000 bytes", Refusal(admission, bytes: 1).Message, StringComparison.Ordinal);
        }

        Admit(admission, bytes: 1_000_000);
    }

    [Fact]
    public void The_predicted_wait_is_bounded_and_the_refusal_names_value_and_limit()
    {
        _secondsPerItem = 0.5;
        var admission = New(maxQueueWait: TimeSpan.FromSeconds(1));
        Admit(admission);
        Admit(admission);
        Admit(admission); // two wait, for one second: that is allowed
        Assert.Equal(
            "An image would wait 1500 ms for model 'm'; its queue takes 1000 ms (MaxQueueWait).", Refusal(admission).Message);
    }

    [Fact]
    public void Who_would_be_late_is_refused_before_it_waits()
    {
        _secondsPerItem = 0.2;
        var admission = New();
        _time.Advance(TimeSpan.FromSeconds(7));
        Admit(admission, images: 2);
        Assert.Equal(
            "An image would wait 400 ms for model 'm', longer than the request has left of its 399 ms.",
            Refusal(admission, urgency: Within(399)).Message);
        Admit(admission, urgency: Within(400));
    }

    [Fact]
    public void Nobody_is_late_for_an_empty_queue()
    {
        _secondsPerItem = 10;
        Admit(New(), urgency: Within(0)); // the run will tell
    }

    [Theory]
    [InlineData(0.01, 1)] // a second is the least that the header can say
    [InlineData(0.7, 1.4)]
    public void Retry_after_is_the_predicted_wait_and_at_least_a_second(double secondsPerItem, double expected)
    {
        _secondsPerItem = secondsPerItem;
        var admission = New(maxQueueSize: 2);
        Admit(admission, images: 2);
        var refusal = Refusal(admission);
        Assert.Equal(VisionError.Overloaded, refusal.Error);
        Assert.Equal(TimeSpan.FromSeconds(expected), refusal.RetryAfter);
    }

    [Fact]
    public void Of_several_images_all_are_let_in_or_none()
    {
        var admission = New(maxQueueSize: 4);
        Assert.Equal(3, Admit(admission, images: 3).Length);
        Assert.Equal(
            "3 images wait for model 'm' and 2 more came; its queue takes 4 (MaxQueueSize).",
            Refusal(admission, images: 2).Message);
        Assert.Equal(3, admission.Waiting);
        Admit(admission);
        Assert.Equal(4, admission.Waiting);
    }

    [Fact]
    public void Asking_takes_no_place()
    {
        var admission = New(maxQueueSize: 1);
        Assert.Null(admission.RefusalOf(1, 10, Urgency.None));
        Assert.Null(admission.RefusalOf(1, 10, Urgency.None));
        Assert.Equal(0, admission.Waiting);
        Admit(admission);
        Assert.NotNull(admission.RefusalOf(1, 10, Urgency.None));
    }

    [Fact]
    public void A_place_comes_back_when_its_work_begins_and_once()
    {
        var admission = New(maxQueueSize: 2);
        var tickets = Admit(admission, images: 2);
        tickets[0].Begin();
        Assert.Equal(1, admission.Waiting);
        tickets[0].Begin();
        tickets[0].Dispose();
        tickets[0].Dispose();
        Assert.Equal(1, admission.Waiting);
        tickets[1].Dispose(); // never begun
        Assert.Equal(0, admission.Waiting);
    }

    [Fact]
    public void Bytes_come_back_with_the_answer_and_once()
    {
        var admission = New(maxQueueBytes: 100);
        var first = Admit(admission, images: 2, bytes: 90);
        Admit(admission, bytes: 10);
        Array.ForEach(first, static ticket => ticket.Begin());
        Refusal(admission, bytes: 1); // its image is under way, and in memory
        first[0].Dispose();
        first[0].Dispose();
        first[1].Dispose();
        Admit(admission, bytes: 90);
        Refusal(admission, bytes: 1);
    }

    [Fact]
    public async Task Tickets_that_are_begun_and_disposed_of_at_once_give_back_one_place_each()
    {
        var stop = TestContext.Current.CancellationToken;
        var admission = New(maxQueueSize: 1000, maxQueueBytes: 1000);
        for (var round = 0; round < 200; round++)
        {
            using var ticket = Admit(admission, bytes: 1)[0];
            await Task.WhenAll(((Action[])[ticket.Begin, ticket.Dispose, ticket.Dispose]).Select(end => Task.Run(end, stop)));
        }

        Assert.Equal(0, admission.Waiting);
        using var all = Admit(admission, bytes: 1000)[0];
        Refusal(admission, bytes: 1);
    }

    [Fact]
    public void A_ticket_lends_its_place_to_one_item()
    {
        var ticket = Admit(New())[0];
        Assert.True(ticket.TakePlace());
        Assert.False(ticket.TakePlace());
        ticket = Admit(New())[0];
        ticket.Begin();
        Assert.False(ticket.TakePlace()); // there is no place any more
    }

    [Fact]
    public void The_wait_is_that_of_the_cost_model_until_answers_come()
    {
        _secondsPerItem = 0.25;
        var admission = New();
        Admit(admission, images: 4);
        Assert.Equal(TimeSpan.FromSeconds(1), admission.PredictWait());
        _secondsPerItem = 0.5; // it has learnt
        Assert.Equal(TimeSpan.FromSeconds(2), admission.PredictWait());
    }

    [Fact]
    public void With_a_backlog_the_wait_is_that_between_answers()
    {
        _secondsPerItem = 0.25;
        var admission = New();
        Admit(admission, images: 4);
        admission.Observe(1); // one answer is no interval yet
        Assert.Equal(TimeSpan.FromSeconds(1), admission.PredictWait());
        _time.Advance(TimeSpan.FromSeconds(2));
        admission.Observe(4); // four items in two seconds
        Assert.Equal(TimeSpan.FromSeconds(2), admission.PredictWait());
    }

    [Fact]
    public void The_wait_follows_the_answers_that_come_by_and_by()
    {
        var admission = New();
        Admit(admission, images: 10);
        admission.Observe(1);
        Answer(admission, seconds: 1);
        Assert.Equal(10, admission.PredictWait().TotalSeconds, tolerance: 1e-6);
        Answer(admission, seconds: 2); // a tenth of the way from 1 to 2
        Assert.Equal(11, admission.PredictWait().TotalSeconds, tolerance: 1e-6);
        for (var answer = 0; answer < 100; answer++)
        {
            Answer(admission, seconds: 2);
        }

        Assert.Equal(20, admission.PredictWait().TotalSeconds, tolerance: 0.01);
    }

    [Fact]
    public void A_queue_that_was_empty_forgets_how_fast_it_moved()
    {
        _secondsPerItem = 0.25;
        var admission = New();
        using (Admit(admission)[0])
        {
            admission.Observe(1);
            Answer(admission, seconds: 3);
            Assert.Equal(TimeSpan.FromSeconds(3), admission.PredictWait());
        }

        Answer(admission, seconds: 60); // the pause is nobody's wait
        Admit(admission, images: 2);
        Assert.Equal(TimeSpan.FromSeconds(0.5), admission.PredictWait());
    }

    [Fact]
    public void A_class_waits_for_its_own_and_for_higher_ones()
    {
        _secondsPerItem = 1;
        var admission = New();
        Admit(admission, images: 2, urgency: Of(PriorityClass.Normal));
        Admit(admission, images: 4, urgency: Of(PriorityClass.Raised));
        Admit(admission, images: 8, urgency: Of(PriorityClass.Urgent));
        admission.Add(PriorityClass.Background, null);
        Assert.Equal(
            [15, 14, 12, 8],
            Enum.GetValues<PriorityClass>().Select(newcomer => admission.PredictWait(newcomer).TotalSeconds));
        Assert.Equal(15, admission.Waiting);
        admission.Remove(PriorityClass.Background, null);
        Assert.Equal(14, admission.PredictWait(PriorityClass.Background).TotalSeconds);
    }

    [Fact]
    public void An_urgent_request_passes_where_a_normal_one_would_be_late()
    {
        _secondsPerItem = 1;
        var admission = New(maxQueueWait: TimeSpan.FromSeconds(3));
        Admit(admission, images: 4);
        Refusal(admission);
        Admit(admission, urgency: Of(PriorityClass.Urgent));
    }

    [Fact]
    public void A_full_queue_takes_a_second_caller_up_to_its_share_and_refuses_the_first_until_it_has_sunk()
    {
        var admission = New(maxQueueSize: 10);
        var flood = Admit(admission, images: 10); // alone it may have all
        Enumerable.Range(0, 5).ToList().ForEach(_ => Admit(admission, urgency: OfCaller(_anna)));
        Refusal(admission, urgency: OfCaller(_anna)); // its half is full
        flood.Take(5).ToList().ForEach(static ticket => ticket.Begin());
        Refusal(admission);
        Assert.Equal(10, admission.Waiting);
        flood[5].Begin();
        Admit(admission); // there is room for everyone
        Assert.Equal("10 images wait for model 'm' and 1 more came; its queue takes 10 (MaxQueueSize).", Refusal(admission).Message);
    }

    [Fact]
    public void Bytes_are_shared_like_places()
    {
        var admission = New(maxQueueBytes: 100);
        Admit(admission, bytes: 100);
        Admit(admission, bytes: 30, urgency: OfCaller(_anna));
        Refusal(admission, bytes: 21, urgency: OfCaller(_anna)); // a half is 50
        Admit(admission, bytes: 20, urgency: OfCaller(_anna));
        Refusal(admission, bytes: 1);
    }

    [Fact]
    public void Who_holds_nothing_may_ask_for_more_than_its_share_once_but_not_for_more_than_anyone()
    {
        var admission = New(maxQueueSize: 10, maxQueueBytes: 100);
        Admit(admission, images: 10, bytes: 100);
        Refusal(admission, images: 11, urgency: OfCaller(_anna));
        Refusal(admission, bytes: 101, urgency: OfCaller(_anna));
        var anna = Admit(admission, images: 8, bytes: 80, urgency: OfCaller(_anna));
        Refusal(admission, urgency: OfCaller(_anna));
        Array.ForEach(anna, static ticket => ticket.Dispose());
        Admit(admission, images: 8, bytes: 80, urgency: OfCaller(_anna));
    }

    [Fact]
    public void However_many_callers_come_no_more_than_twice_the_bounds_is_let_in()
    {
        var admission = New(maxQueueSize: 100, maxQueueBytes: 1000);
        var admitted = new List<Ticket>();
        for (var caller = 0; caller < 10_000; caller++)
        {
            admitted.AddRange(admission.TryAdmit(1, caller % 2, OfCaller(new object()), out _) ?? []);
        }

        Assert.Equal(200, admitted.Count);
        Assert.Equal(200, admission.Waiting);
        Assert.Equal(200, admission.Callers);
        admitted.ForEach(static ticket => ticket.Dispose());
        Assert.Equal(0, admission.Waiting);
        Assert.Equal(0, admission.Callers);
        for (var caller = 0; caller < 10_000; caller++)
        {
            admitted.AddRange(admission.TryAdmit(1, 100, OfCaller(new object()), out _) ?? []);
        }

        Assert.Equal(220, admitted.Count); // twice 1000 bytes
    }

    [Fact]
    public void What_an_image_asks_for_beside_its_own_place_takes_no_newcomers_room()
    {
        var admission = New(maxQueueSize: 10);
        Enumerable.Range(0, 50).ToList().ForEach(_ => admission.Add(PriorityClass.Background, null));
        Refusal(admission);
        Admit(admission, urgency: OfCaller(_anna));
        Enumerable.Range(0, 50).ToList().ForEach(_ => admission.Remove(PriorityClass.Background, null));
        Assert.Equal(1, admission.Callers);
    }

    [Fact]
    public void A_callers_wait_is_that_of_its_own_turn()
    {
        _secondsPerItem = 1;
        var admission = New(maxQueueWait: TimeSpan.FromSeconds(3));
        Admit(admission, images: 50);
        Admit(admission, urgency: OfCaller(_anna)); // one of the flood's may be before it
        Admit(admission, urgency: OfCaller(_anna)); // its own and two of the flood's: three seconds
        Assert.Equal(
            "An image would wait 5000 ms for model 'm'; its queue takes 3000 ms (MaxQueueWait).",
            Refusal(admission, urgency: OfCaller(_anna)).Message);
        Admit(admission, urgency: OfCaller(new object())); // one of each of the others: two seconds
        Assert.Equal(53, admission.PredictWait().TotalSeconds);
        Assert.Equal(TimeSpan.FromSeconds(53), Refusal(admission).RetryAfter);
    }

    [Fact]
    public void A_callers_turn_is_behind_what_is_more_urgent_whoever_sent_it()
    {
        _secondsPerItem = 1;
        var admission = New(maxQueueWait: TimeSpan.FromSeconds(3));
        Admit(admission, images: 4, urgency: Of(PriorityClass.Raised));
        Assert.Contains("4000 ms", Refusal(admission, urgency: OfCaller(_anna)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Asking_makes_nobody_a_caller()
    {
        var admission = New(maxQueueSize: 1);
        Assert.Null(admission.RefusalOf(1, 10, OfCaller(_anna)));
        Admit(admission);
        Assert.Null(admission.RefusalOf(1, 10, OfCaller(_anna)));
        Refusal(admission, images: 2, urgency: OfCaller(_anna));
        Assert.Equal(1, admission.Callers);
    }

    [Fact]
    public void A_refusal_allocates_little()
    {
        _secondsPerItem = 0.5;
        var admission = New(maxQueueSize: 1000);
        for (var caller = 0; caller < 2000; caller++)
        {
            Admit(admission, urgency: OfCaller(new object()));
        }

        var least = long.MaxValue;
        for (var round = 0; round < 20; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            admission.TryAdmit(1, 1000, Urgency.None, out _);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.InRange(least, 1, 2048); // the exception and its message, and no stack trace
    }

    private Admission New(int maxQueueSize = 100, long maxQueueBytes = long.MaxValue, TimeSpan? maxQueueWait = null)
    {
        var options = new BatchingOptions(Runners: 1, MaxBatchSize: 1, TimeSpan.Zero, maxQueueSize)
        {
            MaxQueueBytes = maxQueueBytes,
            MaxQueueWait = maxQueueWait ?? TimeSpan.MaxValue,
        };
        return new Admission("m", options, () => _secondsPerItem, _time);
    }

    private static Ticket[] Admit(Admission admission, int images = 1, long bytes = 0, Urgency? urgency = null)
    {
        var tickets = admission.TryAdmit(images, bytes, urgency ?? Urgency.None, out var refusal);
        Assert.Null(refusal);
        return tickets!;
    }

    private static VisionException Refusal(Admission admission, int images = 1, long bytes = 0, Urgency? urgency = null)
    {
        Assert.Null(admission.TryAdmit(images, bytes, urgency ?? Urgency.None, out var refusal));
        return refusal!;
    }

    private Urgency Within(int milliseconds) => new(
        PriorityClass.Normal,
        _time.GetTimestamp() + TimeSpan.FromMilliseconds(milliseconds).Ticks,
        TimeSpan.FromMilliseconds(milliseconds));

    private static Urgency OfCaller(object caller) => Urgency.None with { Caller = caller };

    private static Urgency Of(PriorityClass priority) => Urgency.None with { Class = priority };

    private void Answer(Admission admission, double seconds)
    {
        _time.Advance(TimeSpan.FromSeconds(seconds));
        admission.Observe(1);
    }
}
