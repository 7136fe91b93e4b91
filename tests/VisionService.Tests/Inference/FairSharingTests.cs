using VisionService.Inference;

namespace VisionService.Tests.Inference;

/// <summary>Callers who share one model, from admission to answer: a runner that answers a batch at each turn of 10 ms,
/// and nothing else that moves.</summary>
public sealed class FairSharingTests : IDisposable
{
    private const int Bound = 20;

    private static readonly TimeSpan EachTurn = TimeSpan.FromMilliseconds(10);

    private readonly ManualTime _time = new();
    private readonly Queue<Action> _posted = new();
    private readonly List<Task> _asked = [];
    private readonly List<Batcher<Image, Answer>> _batchers = [];
    private IReadOnlyList<Image> _batch = [];
    private Admission _admission = null!;
    private Batcher<Image, Answer> _batcher = null!;

    public void Dispose()
    {
        while (_posted.TryDequeue(out var run))
        {
            run(); // a batcher waits for its runners
        }

        _batchers.ForEach(static batcher => batcher.Dispose());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public async Task Who_asks_less_than_its_share_gets_it_all_beside_a_flood(int maxBatchSize)
    {
        Start(maxBatchSize);
        var flood = new Caller(10 * maxBatchSize);
        var modest = new Caller(0.4 * maxBatchSize);
        await TurnsAsync(50, flood);
        await TurnsAsync(500, flood, modest);
        Assert.Equal(0, modest.Refused);
        Assert.InRange(modest.Answered, 195 * maxBatchSize, 200 * maxBatchSize);

        // 50 alone, and 300 that the other leaves of 500.
        Assert.InRange(flood.Answered, 345 * maxBatchSize, 355 * maxBatchSize);
        await AssertEndsEmptyAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public async Task Who_asks_for_a_tenth_of_what_another_does_gets_half_if_it_wants_that_much(int maxBatchSize)
    {
        Start(maxBatchSize);
        var flood = new Caller(10 * maxBatchSize);
        var other = new Caller(maxBatchSize);
        await TurnsAsync(1000, flood, other);
        Assert.InRange(other.Answered, 480 * maxBatchSize, 520 * maxBatchSize);
        Assert.InRange(flood.Answered, 480 * maxBatchSize, 520 * maxBatchSize);
        await AssertEndsEmptyAsync();
    }

    [Fact]
    public async Task Of_three_the_small_one_gets_what_it_asks_and_the_others_halve_the_rest()
    {
        Start();
        var (large, medium, small) = (new Caller(10), new Caller(2), new Caller(0.2));
        await TurnsAsync(1000, large, medium, small);
        Assert.Equal(0, small.Refused);
        Assert.InRange(small.Answered, 195, 200);
        Assert.InRange(medium.Answered, 385, 415);
        Assert.InRange(large.Answered, 385, 415);
        await AssertEndsEmptyAsync();
    }

    [Fact]
    public async Task The_anonymous_caller_is_one_of_them()
    {
        Start();
        var nobody = new Caller(10) { IsAnonymous = true };
        var named = new Caller(0.4);
        await TurnsAsync(50, nobody);
        await TurnsAsync(500, nobody, named);
        Assert.Equal(0, named.Refused);
        Assert.InRange(named.Answered, 195, 200);
        await AssertEndsEmptyAsync();
    }

    [Fact]
    public async Task A_newcomer_waits_for_its_own_turn_and_not_for_the_flood()
    {
        Start(maxQueueWait: TimeSpan.FromMilliseconds(100));
        var flood = new Caller(10);
        await TurnsAsync(50, flood);
        Assert.InRange(_admission.PredictWait().TotalMilliseconds, 99, 111); // the flood is refused for it
        Assert.InRange(_admission.Waiting, 10, 11);
        var newcomer = new Caller(1);
        await TurnsAsync(2, flood, newcomer);
        Assert.Equal((0, 1), (newcomer.Refused, newcomer.Answered));
    }

    [Fact]
    public async Task A_cancelled_image_gives_its_callers_share_back()
    {
        Start();
        var flood = new Caller(10);
        await TurnsAsync(20, flood);
        var other = new Caller(0);
        using var gone = new CancellationTokenSource();
        while (other.Refused == 0)
        {
            Ask(other, stop: gone.Token);
        }

        var share = other.Asked - 1;
        Assert.Equal(Bound / 2, share);
        await gone.CancelAsync();
        (other.Asked, other.Refused) = (0, 0);
        while (other.Refused == 0)
        {
            Ask(other);
        }

        Assert.Equal(share, other.Asked - 1);
        await AssertEndsEmptyAsync();
    }

    [Fact]
    public async Task Random_callers_leave_nothing_behind()
    {
        Start(maxBatchSize: 4);
        var callers = Enumerable.Range(0, 40)
            .Select(static number => new Caller(0) { IsAnonymous = number == 0 }).ToArray();
#pragma warning disable CA5394 // the same order each time is the point
        var random = new Random(5);
        for (var step = 0; step < 20_000; step++)
        {
            var caller = callers[random.Next(1 + random.Next(callers.Length))];
            using var gone = new CancellationTokenSource();
            Ask(caller, (PriorityClass)random.Next(1, 4), isBackground: random.Next(5) == 0, gone.Token);
            if (random.Next(4) == 0)
            {
                await gone.CancelAsync();
            }

            if (random.Next(12) == 0)
            {
                await TurnAsync();
            }

            Assert.Equal(_batcher.QueueLength, _admission.Waiting);
            Assert.InRange(_admission.Waiting, 0, 2 * 4 * Bound);
            Assert.InRange(_admission.Callers, 0, callers.Length);
        }
#pragma warning restore CA5394
        Assert.All(callers, static caller => Assert.True(caller.Answered > 0));
        Assert.Contains(callers, static caller => caller.Refused > 0);
        await AssertEndsEmptyAsync();
        Assert.All(
            callers,
            static caller => Assert.Equal(caller.Asked, caller.Refused + caller.Answered + caller.Cancelled));
    }

    private void Start(int maxBatchSize = 1, TimeSpan? maxQueueWait = null)
    {
        var options = new BatchingOptions(Runners: 1, maxBatchSize, TimeSpan.Zero, Bound * maxBatchSize)
        {
            AnswersOnRunner = true,
            MaxQueueBytes = 10 * Bound * maxBatchSize,
            MaxQueueWait = maxQueueWait ?? TimeSpan.MaxValue,
        };
        _admission = new Admission("m", options, () => EachTurn.TotalSeconds / maxBatchSize, _time);
        var work = new BatchWork<Image, Answer>
        {
            SameShape = static (_, _) => true,
            Run = (_, images, _) =>
            {
                _batch = images;
                return [.. images.Select(static _ => new Answer())];
            },
            Post = (_, _, run) => _posted.Enqueue(run),
        };
        _batcher = new Batcher<Image, Answer>("m", options, work, _admission, _time);
        _batchers.Add(_batcher);
    }

    /// <summary>In each turn every caller asks as often as it does, one after the other, and a batch is
    /// answered.</summary>
    private async Task TurnsAsync(int turns, params Caller[] callers)
    {
        for (var turn = 0; turn < turns; turn++)
        {
            foreach (var caller in callers)
            {
                for (caller.Due += caller.PerTurn; caller.Due >= 1; caller.Due--)
                {
                    Ask(caller);
                }
            }

            await TurnAsync();
        }
    }

    private async Task TurnAsync()
    {
        _time.Advance(EachTurn);
        if (_posted.TryDequeue(out var run))
        {
            run();
            await Task.WhenAll(_batch.Select(static image => image.Done));
        }

        _asked.RemoveAll(static asked => asked.IsCompletedSuccessfully);
    }

    private void Ask(
        Caller caller,
        PriorityClass priority = PriorityClass.Normal,
        bool isBackground = false,
        CancellationToken? stop = null)
    {
        caller.Asked++;
        var urgency = new Urgency(priority, long.MaxValue, default, caller.IsAnonymous ? null : caller);
        if (_admission.TryAdmit(1, 10, urgency, out _) is [var ticket])
        {
            var image = new Image(caller);
            image.Done = AskAsync(image, ticket, isBackground, stop ?? TestContext.Current.CancellationToken);
            _asked.Add(image.Done);
        }
        else
        {
            caller.Refused++;
        }
    }

    private async Task AskAsync(Image image, Ticket ticket, bool isBackground, CancellationToken stop)
    {
        using (ticket)
        {
            try
            {
                (await _batcher.SubmitAsync(image, ticket, isBackground, stop).ConfigureAwait(false)).Answer.Dispose();
                image.Caller.Answered++;
            }
            catch (OperationCanceledException)
            {
                image.Caller.Cancelled++;
            }
        }
    }

    private async Task AssertEndsEmptyAsync()
    {
        while (_posted.Count > 0)
        {
            await TurnAsync();
        }

        await Task.WhenAll(_asked);
        Assert.Equal((0, 0, 0), (_batcher.QueueLength, _admission.Waiting, _admission.Callers));
    }

    /// <param name="perTurn">How many images it asks for in each turn.</param>
    private sealed class Caller(double perTurn)
    {
        public double PerTurn => perTurn;

        public double Due { get; set; }

        public bool IsAnonymous { get; init; }

        public int Asked { get; set; }

        public int Refused { get; set; }

        public int Answered { get; set; }

        public int Cancelled { get; set; }
    }

    private sealed class Image(Caller caller)
    {
        public Caller Caller => caller;

        /// <summary>Ends when its caller has the answer.</summary>
        public Task Done { get; set; } = Task.CompletedTask;
    }

    private sealed class Answer : IDisposable
    {
        public void Dispose()
        {
        }
    }
}
