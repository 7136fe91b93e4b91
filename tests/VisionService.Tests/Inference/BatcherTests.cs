using System.Collections.Concurrent;
using VisionService.Inference;

namespace VisionService.Tests.Inference;

/// <summary>The queue and its runners; the fake run multiplies by ten and waits wherever a test tells it to.</summary>
public sealed class BatcherTests : IDisposable
{
    private readonly ManualTime _time = new();
    private readonly List<Batcher<int, Tenfold>> _batchers = [];
    private readonly BlockingCollection<int[]> _started = [];
    private readonly SemaphoreSlim _mayEnd = new(0);
    private readonly ConcurrentBag<Tenfold> _answers = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _mayEnd.Release(1_000_000);
        _batchers.ForEach(batcher => batcher.Dispose());
        _started.Dispose();
        _mayEnd.Dispose();
    }

    [Fact]
    public async Task A_lone_item_runs_at_once()
    {
        var batcher = New(new(1, 8, TimeSpan.Zero, 8));
        Assert.Equal(70, await AnswerAsync(SubmitAsync(batcher, 7)));
    }

    [Fact]
    public async Task A_batch_grows_while_the_runner_is_busy()
    {
        var batcher = New(new(1, 3, TimeSpan.Zero, 8), gated: true);
        var answers = Submit(batcher, 1);
        Assert.Equal([1], Started());
        answers = [.. answers, .. Submit(batcher, 2, 3, 4, 5)];
        _mayEnd.Release(3);
        Assert.Equal([2, 3, 4], Started()); // as many as a batch takes
        Assert.Equal([5], Started());
        await AssertAnswersAsync([10, 20, 30, 40, 50], answers.Select(AnswerAsync));
    }

    [Fact]
    public async Task A_batch_has_one_shape_and_the_others_keep_their_turn()
    {
        var batcher = New(new(1, 8, TimeSpan.Zero, 8), gated: true, sameShape: (a, b) => a % 2 == b % 2);
        var answers = Submit(batcher, 1);
        Started();
        answers = [.. answers, .. Submit(batcher, 2, 3, 4, 5)];
        _mayEnd.Release(3);
        Assert.Equal([2, 4], Started());
        Assert.Equal([3, 5], Started());
        await Task.WhenAll(answers.Select(AnswerAsync));
    }

    [Fact]
    public async Task Higher_priority_goes_first_and_equal_priority_in_turn()
    {
        var batcher = New(new(1, 1, TimeSpan.Zero, 8), gated: true);
        var first = SubmitAsync(batcher, 0);
        Started();
        (int Item, PriorityClass Class)[] waiting =
        [
            (1, PriorityClass.Normal), (2, PriorityClass.Raised), (3, PriorityClass.Normal), (4, PriorityClass.Urgent), (5, PriorityClass.Raised),
        ];
        var answers = waiting.Select(item => SubmitAsync(batcher, item.Item, item.Class)).ToArray();
        _mayEnd.Release(6);
        Assert.Equal([4, 2, 5, 1, 3], Enumerable.Range(0, 5).Select(_ => Assert.Single(Started())));
        await Task.WhenAll(answers.Append(first).Select(AnswerAsync));
    }

    [Fact]
    public async Task A_lone_item_runs_when_the_delay_is_over_and_not_before()
    {
        var batcher = New(new(1, 8, TimeSpan.FromMilliseconds(5), 8));
        var answer = SubmitAsync(batcher, 7);
        await _time.TimerArmedAsync();
        _time.Advance(TimeSpan.FromMilliseconds(4));
        Assert.False(answer.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        var (value, queued) = await answer;
        Assert.Equal((70, TimeSpan.FromMilliseconds(5)), (value.Value, queued));
    }

    [Fact]
    public async Task A_full_batch_does_not_wait_for_the_delay()
    {
        var batcher = New(new(1, 2, TimeSpan.FromMilliseconds(5), 8), gated: true);
        var answers = Submit(batcher, 1);
        await _time.TimerArmedAsync();
        answers = [.. answers, .. Submit(batcher, 2)];
        _mayEnd.Release();
        Assert.Equal([1, 2], Started());
        await Task.WhenAll(answers.Select(AnswerAsync));
    }

    [Fact]
    public async Task A_cancelled_item_leaves_the_queue_at_once_and_frees_its_place()
    {
        var batcher = New(new(1, 1, TimeSpan.Zero, MaxQueueSize: 1), gated: true);
        var answers = Submit(batcher, 1);
        Started();
        using var cancellation = new CancellationTokenSource();
        var left = SubmitAsync(batcher, 2, stop: cancellation.Token);
        Assert.Equal(1, batcher.QueueLength);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left); // although the runner is still busy
        Assert.Equal(0, batcher.QueueLength);
        answers = [.. answers, .. Submit(batcher, 3)];
        _mayEnd.Release(2);
        Assert.Equal([3], Started());
        await AssertAnswersAsync([10, 30], answers.Select(AnswerAsync));
    }

    [Fact]
    public async Task An_item_cancelled_in_its_run_is_cancelled_when_the_run_ends_and_its_answer_is_disposed()
    {
        var batcher = New(new(1, 2, TimeSpan.FromMilliseconds(1), 8), gated: true);
        using var cancellation = new CancellationTokenSource();
        var left = SubmitAsync(batcher, 1, stop: cancellation.Token);
        var stayed = SubmitAsync(batcher, 2);
        Assert.Equal([1, 2], Started());
        await cancellation.CancelAsync();
        Assert.False(left.IsCompleted); // the run still reads the caller's buffer
        _mayEnd.Release();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        Assert.Equal(20, await AnswerAsync(stayed));
        Assert.Equal([10], _answers.Where(answer => answer.IsDisposed).Select(answer => answer.Value));
    }

    [Fact]
    public async Task A_run_that_nobody_waits_for_is_ended()
    {
        var batcher = New(new(1, 2, TimeSpan.FromMilliseconds(1), 8), gated: true);
        using var cancellation = new CancellationTokenSource();
        var left = new[] { SubmitAsync(batcher, 1, stop: cancellation.Token), SubmitAsync(batcher, 2, stop: cancellation.Token) };
        Assert.Equal([1, 2], Started());
        await cancellation.CancelAsync();
        foreach (var item in left)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => item); // and nothing was released
        }

        Assert.Empty(_answers);
    }

    [Fact]
    public async Task A_run_that_takes_too_long_is_ended_and_its_members_are_told_the_limit()
    {
        var batcher = New(new(1, 1, TimeSpan.Zero, 8) { MaxRunTime = TimeSpan.FromSeconds(2) }, gated: true);
        var answer = SubmitAsync(batcher, 1);
        Started();
        _time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(answer.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        var problem = await Assert.ThrowsAsync<VisionException>(() => answer);
        Assert.Equal(VisionError.DeadlineExceeded, problem.Error);
        Assert.Equal("The run took longer than 2000 ms (MaxRunTime) and was ended in stage 'inference'.", problem.Message);
        _mayEnd.Release();
        Assert.Equal(20, await AnswerAsync(SubmitAsync(batcher, 2))); // the runner goes on
    }

    [Fact]
    public async Task An_item_whose_time_is_over_is_dropped_before_it_costs_anything()
    {
        var batcher = New(new(1, 8, TimeSpan.Zero, 8), gated: true);
        var first = SubmitAsync(batcher, 1);
        Started();
        var late = SubmitAsync(batcher, 2, deadline: TimeSpan.FromMilliseconds(50));
        var timely = SubmitAsync(batcher, 3, deadline: TimeSpan.FromMilliseconds(200));
        _time.Advance(TimeSpan.FromMilliseconds(100));
        _mayEnd.Release(2);
        Assert.Equal([3], Started());
        var problem = await Assert.ThrowsAsync<VisionException>(() => late);
        Assert.Equal(VisionError.DeadlineExceeded, problem.Error);
        Assert.Equal("The answer was not there within 50 ms; the request was in stage 'queue'.", problem.Message);
        await AssertAnswersAsync([10, 30], [AnswerAsync(first), AnswerAsync(timely)]);
    }

    [Fact]
    public async Task A_deadline_that_cancels_a_waiting_item_says_so()
    {
        var batcher = New(new(1, 1, TimeSpan.Zero, 8), gated: true);
        var first = SubmitAsync(batcher, 1);
        Started();
        using var deadline = new CancellationTokenSource(TimeSpan.FromMilliseconds(50), _time);
        var late = SubmitAsync(batcher, 2, deadline: TimeSpan.FromMilliseconds(50), stop: deadline.Token);
        _time.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Contains("in stage 'queue'", (await Assert.ThrowsAsync<VisionException>(() => late)).Message, StringComparison.Ordinal);
        _mayEnd.Release();
        await AnswerAsync(first);
    }

    [Fact]
    public async Task The_earliest_deadline_goes_first()
    {
        var batcher = New(new(1, 1, TimeSpan.Zero, 8), gated: true);
        var first = SubmitAsync(batcher, 1);
        Started();
        var answers = Enumerable.Range(1, 4).Select(place => 1000 * (place * 3 % 5))
            .Select(milliseconds => SubmitAsync(batcher, milliseconds, deadline: TimeSpan.FromMilliseconds(milliseconds))).ToArray();
        _mayEnd.Release(5);
        Assert.Equal([1000, 2000, 3000, 4000], Enumerable.Range(0, 4).Select(_ => Assert.Single(Started())));
        await Task.WhenAll(answers.Append(first).Select(AnswerAsync));
    }

    [Fact]
    public async Task Who_waits_long_goes_before_any_deadline_that_came_later()
    {
        var batcher = New(new(1, 1, TimeSpan.Zero, 8), gated: true);
        var first = SubmitAsync(batcher, 1);
        Started();
        var patient = SubmitAsync(batcher, 2);
        _time.Advance(TimeSpan.FromSeconds(5));
        var hasty = SubmitAsync(batcher, 3, deadline: TimeSpan.FromSeconds(5.5));
        _mayEnd.Release(3);
        Assert.Equal([2], Started());
        Assert.Equal([3], Started());
        await Task.WhenAll(new[] { first, patient, hasty }.Select(AnswerAsync));
    }

    [Fact]
    public async Task A_batch_stays_as_small_as_its_tightest_deadline_needs()
    {
        var batcher = New(new(1, 8, TimeSpan.Zero, 8), gated: true, cost: (_, items) => 10 * items);
        var first = SubmitAsync(batcher, 1);
        Started();
        var answers = Enumerable.Range(2, 4).Select(item => SubmitAsync(batcher, item, deadline: TimeSpan.FromMilliseconds(25))).ToArray();
        _mayEnd.Release(3);
        Assert.Equal([2, 3], Started()); // three would take 30 ms
        Assert.Equal([4, 5], Started());
        await Task.WhenAll(answers.Append(first).Select(AnswerAsync));
    }

    [Fact]
    public async Task Waiting_for_company_ends_where_a_deadline_would_suffer()
    {
        var batcher = New(new(1, 8, TimeSpan.FromMilliseconds(500), 8), cost: (_, items) => 10 * items);
        var answer = SubmitAsync(batcher, 7, deadline: TimeSpan.FromMilliseconds(30));
        await _time.TimerArmedAsync();
        Assert.False(answer.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(20));
        Assert.Equal(70, await AnswerAsync(answer));
    }

    [Fact]
    public async Task A_token_cancelled_before_is_cancelled_and_never_run()
    {
        var batcher = New(new(1, 1, TimeSpan.Zero, 8), gated: true);
        var first = SubmitAsync(batcher, 1);
        Started();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SubmitAsync(batcher, 2, stop: new CancellationToken(canceled: true)));
        var last = SubmitAsync(batcher, 3);
        _mayEnd.Release(2);
        Assert.Equal([3], Started());
        await AnswerAsync(first);
        await AnswerAsync(last);
    }

    [Fact]
    public async Task A_failing_batch_is_tried_one_by_one_so_that_one_item_fails_alone()
    {
        var batcher = New(new(1, 8, TimeSpan.Zero, 8), gated: true, poison: 3);
        var answers = Submit(batcher, 1);
        Started();
        answers = [.. answers, .. Submit(batcher, 2, 3, 4)];
        _mayEnd.Release(5);
        Assert.Equal([2, 3, 4], Started());
        Assert.Equal([[2], [3], [4]], Enumerable.Range(0, 3).Select(_ => Started()));
        Assert.Equal("poison", (await Assert.ThrowsAsync<InvalidDataException>(() => answers[2])).Message);
        await AssertAnswersAsync([10, 20, 40], answers.Where(answer => answer != answers[2]).Select(AnswerAsync));
    }

    [Fact]
    public async Task Disposal_ends_the_running_batch_and_refuses_what_waits()
    {
        var batcher = New(new(1, 1, TimeSpan.Zero, MaxQueueSize: 1), gated: true);
        var running = SubmitAsync(batcher, 1);
        Started();
        var waiting = SubmitAsync(batcher, 2);
        var disposal = Task.Run(batcher.Dispose, Stop);

        // A try that is not refused waits behind the others, until the disposal has begun.
        await RefusedAsync(batcher);

        _mayEnd.Release();
        Assert.Equal(10, await AnswerAsync(running));
        await disposal;
        foreach (var refused in new[] { waiting, SubmitAsync(batcher, 3) })
        {
            Assert.Equal(VisionError.Draining, (await Assert.ThrowsAsync<VisionException>(() => refused)).Error);
        }
    }

    [Fact]
    public async Task Disposal_and_cancellation_of_what_waits_may_meet()
    {
        for (var round = 0; round < 20; round++)
        {
            using var started = new SemaphoreSlim(0);
            using var mayEnd = new SemaphoreSlim(0);
            using var cancellation = new CancellationTokenSource();
            var options = new BatchingOptions(1, 1, TimeSpan.Zero, MaxQueueSize: 500);
            var batcher = new Batcher<int, Tenfold>(
                "test",
                options,
                new BatchWork<int, Tenfold>
                {
                    SameShape = (_, _) => true,
                    Run = (_, items, _) =>
                    {
                        started.Release();
                        mayEnd.Wait(Stop);
                        return [.. items.Select(item => new Tenfold(item))];
                    },
                },
                new Admission("test", options, () => 0, TimeProvider.System),
                TimeProvider.System);
            var running = SubmitAsync(batcher, 0);
            await started.WaitAsync(Stop);
            var waiting = Enumerable.Range(1, 500).Select(item => SubmitAsync(batcher, item, stop: cancellation.Token)).ToArray();
            var disposal = Task.Run(batcher.Dispose, Stop);
            await RefusedAsync(batcher);
            mayEnd.Release();
            await cancellation.CancelAsync();
            await disposal;
            Assert.Equal(0, await AnswerAsync(running));
            Assert.All(
                await Task.WhenAll(waiting.Select(answer => Record.ExceptionAsync(() => answer).AsTask())),
                exception => Assert.True(exception is OperationCanceledException or VisionException { Error: VisionError.Draining }, $"{exception}"));
        }
    }

    [Fact]
    [Trait("Category", "Soak")]
    public async Task Twenty_thousand_items_each_get_their_own_answer_cancellation_or_error()
    {
        const int Items = 20_000;
        object?[] callers = [null, new(), new(), new()];
        var options = new BatchingOptions(Runners: 2, MaxBatchSize: 8, TimeSpan.Zero, Items);
        var admission = new Admission("soak", options, () => 0, TimeProvider.System);
        var batcher = new Batcher<int, Tenfold>(
            "soak",
            options,
            new BatchWork<int, Tenfold>
            {
                SameShape = (a, b) => a % 3 == b % 3,
                Cost = (_, items) => items,
                Run = (_, items, _) => items.Any(IsPoison) ? throw new InvalidDataException($"poison {items[0]}") : [.. items.Select(NewAnswer)],
            },
            admission,
            TimeProvider.System);
        _batchers.Add(batcher);
#pragma warning disable CA5394 // the same order each time is the point
        var random = new Random(3);
        var plan = Enumerable.Range(0, Items).Select(item => (
            Item: item,
            Cancels: random.Next(4) == 0,
            Class: (PriorityClass)random.Next(4),
            IsLate: random.Next(10) == 0)).ToArray();
#pragma warning restore CA5394
        var outcomes = await Task.WhenAll(plan.Select(step => Task.Run(
            async () =>
            {
                using var cancellation = new CancellationTokenSource();
                var now = TimeProvider.System.GetTimestamp();
                var urgency = new Urgency(
                    step.Class, step.IsLate ? now : long.MaxValue, default, callers[step.Item % callers.Length]);
                using var ticket = new Ticket(null, urgency, 0);
                var answer = batcher.SubmitAsync(step.Item, ticket, isBackground: step.Class == PriorityClass.Background, cancellation.Token);
                if (step.Cancels)
                {
                    await cancellation.CancelAsync();
                }

                try
                {
                    using var tenfold = (await answer).Answer;
                    return (Kind: "answer", IsRight: tenfold.Value == step.Item * 10 && !step.IsLate && !IsPoison(step.Item));
                }
                catch (OperationCanceledException)
                {
                    return (Kind: "cancelled", IsRight: step.Cancels && !step.IsLate);
                }
                catch (VisionException exception) when (exception.Error == VisionError.DeadlineExceeded)
                {
                    return (Kind: "late", IsRight: step.IsLate);
                }
                catch (InvalidDataException exception)
                {
                    return (Kind: "failed", IsRight: exception.Message == $"poison {step.Item}");
                }
            },
            Stop)));
        Assert.All(outcomes, outcome => Assert.True(outcome.IsRight, outcome.Kind));
        Assert.Equal(["answer", "cancelled", "failed", "late"], outcomes.Select(outcome => outcome.Kind).Distinct().Order());
        Assert.Equal((0, 0, 0), (batcher.QueueLength, admission.Waiting, admission.Callers));
        Assert.All(_answers, answer => Assert.True(answer.IsDisposed)); // by its caller, or by the batcher where the caller had gone

        static bool IsPoison(int item) => item % 100 == 7;
    }

    private Batcher<int, Tenfold> New(
        BatchingOptions options, bool gated = false, Func<int, int, bool>? sameShape = null, int? poison = null, Func<int, int, double>? cost = null)
    {
        var batcher = new Batcher<int, Tenfold>(
            "test",
            options,
            new BatchWork<int, Tenfold>
            {
                SameShape = sameShape ?? ((_, _) => true),
                Cost = cost ?? ((_, _) => 0),
                Run = (_, items, end) =>
                {
                    if (gated)
                    {
                        _started.Add([.. items], CancellationToken.None);
                        _mayEnd.Wait(end);
                    }

                    return items.Any(item => item == poison) ? throw new InvalidDataException("poison") : [.. items.Select(NewAnswer)];
                },
            },
            new Admission("test", options, () => 0, _time),
            _time);
        _batchers.Add(batcher);
        return batcher;
    }

    /// <summary>Tries until the batcher refuses.</summary>
    private static async Task RefusedAsync(Batcher<int, Tenfold> batcher)
    {
        while (true)
        {
            using var giveUp = new CancellationTokenSource();
            var attempt = SubmitAsync(batcher, 3, stop: giveUp.Token);
            await giveUp.CancelAsync();
            if (await Record.ExceptionAsync(() => attempt) is VisionException { Error: VisionError.Draining })
            {
                return;
            }
        }
    }

    private static Task<(Tenfold Answer, TimeSpan Queued)> SubmitAsync(
        Batcher<int, Tenfold> batcher,
        int item,
        PriorityClass priority = PriorityClass.Normal,
        TimeSpan? deadline = null,
        CancellationToken? stop = null) => batcher.SubmitAsync(
            item,
            new Ticket(null, new Urgency(priority, deadline?.Ticks ?? long.MaxValue, deadline ?? default), 0),
            isBackground: false,
            stop ?? Stop);

    private Tenfold NewAnswer(int item)
    {
        var answer = new Tenfold(item);
        _answers.Add(answer);
        return answer;
    }

    private static Task<(Tenfold Answer, TimeSpan Queued)>[] Submit(Batcher<int, Tenfold> batcher, params int[] items) =>
        [.. items.Select(item => SubmitAsync(batcher, item))];

    private static async Task AssertAnswersAsync(int[] expected, IEnumerable<Task<int>> answers) =>
        Assert.Equal(expected, await Task.WhenAll(answers));

    private int[] Started() => _started.Take(Stop);

    private static async Task<int> AnswerAsync(Task<(Tenfold Answer, TimeSpan Queued)> answer) => (await answer).Answer.Value;

    private sealed class Tenfold(int item) : IDisposable
    {
        public int Value => item * 10;

        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }
}
