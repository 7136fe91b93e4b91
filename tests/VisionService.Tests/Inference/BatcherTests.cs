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
        Assert.Equal(70, await AnswerAsync(batcher.SubmitAsync(7, 0, Stop)));
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
        var first = batcher.SubmitAsync(0, 0, Stop);
        Started();
        (int Item, int Priority)[] waiting = [(1, 0), (2, 5), (3, 0), (4, 9), (5, 5)];
        var answers = waiting.Select(item => batcher.SubmitAsync(item.Item, item.Priority, Stop)).ToArray();
        _mayEnd.Release(6);
        Assert.Equal([4, 2, 5, 1, 3], Enumerable.Range(0, 5).Select(_ => Assert.Single(Started())));
        await Task.WhenAll(answers.Append(first).Select(AnswerAsync));
    }

    [Fact]
    public async Task A_lone_item_runs_when_the_delay_is_over_and_not_before()
    {
        var batcher = New(new(1, 8, TimeSpan.FromMilliseconds(5), 8));
        var answer = batcher.SubmitAsync(7, 0, Stop);
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
    public async Task A_full_queue_refuses_and_names_its_limit()
    {
        var batcher = New(new(1, 1, TimeSpan.Zero, MaxQueueSize: 2), gated: true);
        var answers = Submit(batcher, 1);
        Started();
        answers = [.. answers, .. Submit(batcher, 2, 3)];
        var refusal = await Assert.ThrowsAsync<VisionException>(() => batcher.SubmitAsync(4, 0, Stop));
        Assert.Equal(VisionError.Overloaded, refusal.Error);
        Assert.Equal("2 images wait for this model; its queue takes 2 (MaxQueueSize).", refusal.Message);
        Assert.NotNull(refusal.RetryAfter);
        _mayEnd.Release(3);
        await AssertAnswersAsync([10, 20, 30], answers.Select(AnswerAsync));
    }

    [Fact]
    public async Task A_cancelled_item_leaves_the_queue_at_once_and_frees_its_place()
    {
        var batcher = New(new(1, 1, TimeSpan.Zero, MaxQueueSize: 1), gated: true);
        var answers = Submit(batcher, 1);
        Started();
        using var cancellation = new CancellationTokenSource();
        var left = batcher.SubmitAsync(2, 0, cancellation.Token);
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
        var batcher = New(new(1, 1, TimeSpan.Zero, 8), gated: true);
        using var cancellation = new CancellationTokenSource();
        var answer = batcher.SubmitAsync(1, 0, cancellation.Token);
        Started();
        await cancellation.CancelAsync();
        Assert.False(answer.IsCompleted); // the run still reads the caller's buffer
        _mayEnd.Release();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        Assert.True(Assert.Single(_answers).IsDisposed);
    }

    [Fact]
    public async Task A_token_cancelled_before_is_cancelled_and_never_run()
    {
        var batcher = New(new(1, 1, TimeSpan.Zero, 8), gated: true);
        var first = batcher.SubmitAsync(1, 0, Stop);
        Started();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => batcher.SubmitAsync(2, 0, new CancellationToken(canceled: true)));
        var last = batcher.SubmitAsync(3, 0, Stop);
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
        var running = batcher.SubmitAsync(1, 0, Stop);
        Started();
        var waiting = batcher.SubmitAsync(2, 0, Stop);
        var disposal = Task.Run(batcher.Dispose, Stop);

        // The queue is full, so that each try is refused: as overloaded until the disposal has begun.
        while ((await Assert.ThrowsAsync<VisionException>(() => batcher.SubmitAsync(3, 0, Stop))).Error != VisionError.Draining)
        {
            await Task.Yield();
        }

        _mayEnd.Release();
        Assert.Equal(10, await AnswerAsync(running));
        await disposal;
        foreach (var refused in new[] { waiting, batcher.SubmitAsync(3, 0, Stop) })
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
            var batcher = new Batcher<int, Tenfold>(
                "test",
                new BatchingOptions(1, 1, TimeSpan.Zero, MaxQueueSize: 500),
                (_, _) => true,
                (_, items) =>
                {
                    started.Release();
                    mayEnd.Wait(Stop);
                    return [.. items.Select(item => new Tenfold(item))];
                },
                TimeProvider.System);
            var running = batcher.SubmitAsync(0, 0, Stop);
            await started.WaitAsync(Stop);
            var waiting = Enumerable.Range(1, 500).Select(item => batcher.SubmitAsync(item, 0, cancellation.Token)).ToArray();
            var disposal = Task.Run(batcher.Dispose, Stop);
            while ((await Assert.ThrowsAsync<VisionException>(() => batcher.SubmitAsync(0, 0, Stop))).Error != VisionError.Draining)
            {
                await Task.Yield();
            }

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
    public async Task Twenty_thousand_items_each_get_their_own_answer_or_their_own_cancellation()
    {
        const int Items = 20_000;
        var batcher = new Batcher<int, Tenfold>(
            "soak",
            new BatchingOptions(Runners: 2, MaxBatchSize: 8, TimeSpan.Zero, Items),
            (a, b) => a % 3 == b % 3,
            (_, items) => items.Any(item => item % 1000 == 7) && items.Count > 1
                ? throw new InvalidDataException("poison")
                : [.. items.Select(NewAnswer)],
            TimeProvider.System);
        _batchers.Add(batcher);
#pragma warning disable CA5394 // the same order each time is the point
        var random = new Random(3);
        var plan = Enumerable.Range(0, Items).Select(item => (Item: item, Cancels: random.Next(4) == 0, Priority: random.Next(3))).ToArray();
#pragma warning restore CA5394
        var outcomes = await Task.WhenAll(plan.Select(step => Task.Run(
            async () =>
            {
                using var cancellation = new CancellationTokenSource();
                var answer = batcher.SubmitAsync(step.Item, step.Priority, cancellation.Token);
                if (step.Cancels)
                {
                    await cancellation.CancelAsync();
                }

                try
                {
                    using var tenfold = (await answer).Answer;
                    return (IsRight: tenfold.Value == step.Item * 10, IsCancelled: false);
                }
                catch (OperationCanceledException)
                {
                    return (IsRight: step.Cancels, IsCancelled: true);
                }
            },
            Stop)));
        Assert.All(outcomes, outcome => Assert.True(outcome.IsRight));
        Assert.InRange(outcomes.Count(outcome => outcome.IsCancelled), 1, Items / 2);
        Assert.Equal(0, batcher.QueueLength);
        Assert.All(_answers, answer => Assert.True(answer.IsDisposed)); // by its caller, or by the batcher where the caller had gone
    }

    private Batcher<int, Tenfold> New(
        BatchingOptions options, bool gated = false, Func<int, int, bool>? sameShape = null, int? poison = null)
    {
        var batcher = new Batcher<int, Tenfold>(
            "test",
            options,
            sameShape ?? ((_, _) => true),
            (_, items) =>
            {
                if (gated)
                {
                    _started.Add([.. items]);
                    _mayEnd.Wait(Stop);
                }

                return items.Any(item => item == poison) ? throw new InvalidDataException("poison") : [.. items.Select(NewAnswer)];
            },
            _time);
        _batchers.Add(batcher);
        return batcher;
    }

    private Tenfold NewAnswer(int item)
    {
        var answer = new Tenfold(item);
        _answers.Add(answer);
        return answer;
    }

    private static Task<(Tenfold Answer, TimeSpan Queued)>[] Submit(Batcher<int, Tenfold> batcher, params int[] items) =>
        [.. items.Select(item => batcher.SubmitAsync(item, 0, Stop))];

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
