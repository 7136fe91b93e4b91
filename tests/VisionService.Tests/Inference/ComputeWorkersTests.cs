using VisionService.Inference;

namespace VisionService.Tests.Inference;

/// <summary>Who may compute, and who next; by a clock that only the tests move.</summary>
public sealed class ComputeWorkersTests : IDisposable
{
    private readonly ManualTime _time = new();
    private readonly ComputeWorkers _workers;
    private readonly List<string> _turns = [];
    private readonly SemaphoreSlim _mayEnd = new(0);

    public ComputeWorkersTests() => _workers = new ComputeWorkers("test", 1, _time);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _mayEnd.Release(1000);
        _workers.Dispose();
        _mayEnd.Dispose();
    }

    [Fact]
    public async Task What_follows_a_switch_is_on_a_worker_and_a_second_switch_stays_there()
    {
        await _workers.SwitchAsync(new(), ComputeRank.Begin, Stop);
        var first = Thread.CurrentThread.Name;
        await _workers.SwitchAsync(new(), ComputeRank.Run, Stop);
        Assert.Equal(("test 0", "test 0"), (first, Thread.CurrentThread.Name));
        await Task.Yield(); // off it again: a worker must not be joined from itself
    }

    [Fact]
    public async Task Ranks_go_first_whatever_the_arrival()
    {
        var share = new ComputeShare();
        await OccupyAsync(share);
        await AssertTurnsAsync(
            ["run", "begin", "background"],
            Turn(share, "background", ComputeRank.Background),
            Turn(share, "begin", ComputeRank.Begin),
            Turn(share, "run", ComputeRank.Run));
    }

    [Fact]
    public async Task A_heavy_member_and_a_light_one_get_equal_time_and_not_equal_turns()
    {
        var (heavy, light) = (new ComputeShare(), new ComputeShare());
        await OccupyAsync(new());
        var all = Enumerable.Range(0, 40).Select(_ => Turn(light, "light", milliseconds: 2))
            .Concat(Enumerable.Range(0, 40).Select(_ => Turn(heavy, "heavy", milliseconds: 8))).ToArray();
        _mayEnd.Release();
        await Task.WhenAll(all);
        Assert.InRange(_turns[..40].Count(static turn => turn == "heavy"), 7, 9); // 8 x 8 ms = 32 x 2 ms
    }

    [Fact]
    public async Task Who_was_away_saves_nothing_up()
    {
        var (busy, late) = (new ComputeShare(), new ComputeShare());
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Turn(busy, "alone", milliseconds: 10)));
        _turns.Clear();
        await OccupyAsync(busy);
        var all = Enumerable.Range(0, 4).SelectMany(_ => new[]
        {
            Turn(busy, "busy", milliseconds: 10), Turn(late, "late", milliseconds: 10),
        }).ToArray();
        _mayEnd.Release();
        await Task.WhenAll(all);
        Assert.InRange(_turns[..4].Count(static turn => turn == "busy"), 1, 3);
    }

    [Fact]
    public async Task Who_has_waited_half_a_second_goes_before_all_but_what_is_begun_is_ended_first()
    {
        var (share, other) = (new ComputeShare(), new ComputeShare());
        await OccupyAsync(new());
        var background = Turn(share, "background", ComputeRank.Background);
        var begin = Turn(other, "begin", ComputeRank.Begin);
        _time.Advance(TimeSpan.FromMilliseconds(500));
        await AssertTurnsAsync(["background", "run", "begin"], background, begin, Turn(other, "run"));
    }

    [Fact]
    public async Task Who_has_waited_less_than_that_waits_for_its_rank()
    {
        var share = new ComputeShare();
        await OccupyAsync(share);
        var background = Turn(share, "background", ComputeRank.Background);
        _time.Advance(TimeSpan.FromMilliseconds(499));
        await AssertTurnsAsync(["run", "background"], background, Turn(share, "run"));
    }

    [Fact]
    public async Task Who_is_cancelled_while_waiting_has_no_turn_and_takes_none_away()
    {
        var share = new ComputeShare();
        using var cancellation = new CancellationTokenSource();
        await OccupyAsync(share);
        var leaves = SwitchAsync();
        var stays = Turn(share, "stays");
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaves); // although the worker is still busy
        await AssertTurnsAsync(["stays"], stays);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(SwitchAsync);

        async Task SwitchAsync() => await _workers.SwitchAsync(share, ComputeRank.Run, cancellation.Token);
    }

    [Fact]
    public async Task So_many_compute_at_a_time_and_no_more()
    {
        using var workers = new ComputeWorkers("three", 3, TimeProvider.System);
        var (inside, most) = (0, 0);
        using var full = new Barrier(3); // nobody goes on before three are there at once
        var all = Enumerable.Range(0, 30).Select(_ =>
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            workers.Post(new(), ComputeRank.Run, () =>
            {
                var now = Interlocked.Increment(ref inside);
                InterlockedMax(ref most, now);
                full.SignalAndWait(Stop);
                Interlocked.Decrement(ref inside);
                done.SetResult();
            });
            return done.Task;
        });
        await Task.WhenAll(all.ToArray());
        Assert.Equal(3, most);
    }

    [Fact]
    [Trait("Category", "Soak")]
    public async Task Members_that_come_and_give_up_at_random_all_get_their_turn_or_their_cancellation()
    {
        using var workers = new ComputeWorkers("soak", 3, TimeProvider.System);
        var (turns, cancelled) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(seed => Task.Run(
            async () =>
            {
#pragma warning disable CA5394 // the same order each time is the point
                var random = new Random(seed);
                var share = new ComputeShare();
                for (var round = 0; round < 500; round++)
                {
                    using var cancellation = new CancellationTokenSource();
                    var five = Enumerable.Range(0, 5).Select(_ => TakeAsync(
                        share, (ComputeRank)random.Next(3), random.Next(3) == 0 ? cancellation.Token : Stop)).ToArray();
                    await cancellation.CancelAsync();
                    await Task.WhenAll(five);
                    await Task.Yield();
                }
#pragma warning restore CA5394
            },
            Stop)));
        Assert.NotEqual(0, cancelled);
        Assert.Equal(8 * 500 * 5, turns + cancelled);
        await Task.Yield();

        async Task TakeAsync(ComputeShare share, ComputeRank rank, CancellationToken cancellationToken)
        {
            try
            {
                await workers.SwitchAsync(share, rank, cancellationToken);
                Interlocked.Increment(ref turns);
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref cancelled);
            }

            await Task.Yield();
        }
    }

    private static void InterlockedMax(ref int most, int value)
    {
        int seen;
        while (value > (seen = Volatile.Read(ref most)) && Interlocked.CompareExchange(ref most, value, seen) != seen)
        {
        }
    }

    /// <summary>Keeps the worker busy until <see cref="_mayEnd"/> is released.</summary>
    private async Task OccupyAsync(ComputeShare share)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _workers.Post(share, ComputeRank.Run, () =>
        {
            begun.SetResult();
            _mayEnd.Wait(Stop);
        });
        await begun.Task;
    }

    private async Task AssertTurnsAsync(string[] expected, params Task[] turns)
    {
        _mayEnd.Release();
        await Task.WhenAll(turns);
        Assert.Equal(expected, _turns);
    }

    private Task Turn(ComputeShare share, string name, ComputeRank rank = ComputeRank.Run, int milliseconds = 0)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _workers.Post(share, rank, () =>
        {
            _turns.Add(name);
            _time.Advance(TimeSpan.FromMilliseconds(milliseconds));
            done.SetResult();
        });
        return done.Task;
    }
}
