using VisionService.Inference;

namespace VisionService.Tests.Inference;

/// <summary>Who may compute, and who next; by a clock that only the tests move.</summary>
public sealed class ComputeGateTests
{
    private readonly ManualTime _time = new();
    private readonly List<string> _turns = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task So_many_compute_at_a_time_and_no_more()
    {
        var gate = new ComputeGate(2, _time);
        var share = new ComputeShare();
        var first = gate.Enter(share, ComputeRank.Run);
        var second = gate.Enter(share, ComputeRank.Run);
        var third = gate.EnterAsync(share, ComputeRank.Run, Stop);
        Assert.False(third.IsCompleted);
        first.Dispose();
        using (await third)
        {
            var fourth = gate.EnterAsync(share, ComputeRank.Run, Stop);
            Assert.False(fourth.IsCompleted);
            second.Dispose();
            (await fourth).Dispose();
        }

        AssertFree(gate, 2);
    }

    [Fact]
    public void A_right_that_is_given_back_twice_counts_once()
    {
        var gate = new ComputeGate(1, _time);
        var hold = gate.Enter(new ComputeShare(), ComputeRank.Run);
        hold.Dispose();
        hold.Dispose();
        AssertFree(gate, 1);
    }

    [Fact]
    public async Task Ranks_go_first_whatever_the_arrival()
    {
        var gate = new ComputeGate(1, _time);
        var share = new ComputeShare();
        var running = gate.Enter(share, ComputeRank.Run);
        Task[] waiting =
        [
            TurnAsync(gate, share, "background", ComputeRank.Background),
            TurnAsync(gate, share, "begin", ComputeRank.Begin),
            TurnAsync(gate, share, "run", ComputeRank.Run),
        ];
        running.Dispose();
        await Task.WhenAll(waiting);
        Assert.Equal(["run", "begin", "background"], _turns);
    }

    [Fact]
    public async Task Of_one_rank_the_one_who_has_used_less_time_goes_first()
    {
        var gate = new ComputeGate(1, _time);
        var (heavy, light) = (new ComputeShare(), new ComputeShare());
        Use(gate, heavy, 80);
        Use(gate, light, 30);
        var running = gate.Enter(heavy, ComputeRank.Run);
        Task[] waiting = [TurnAsync(gate, heavy, "heavy"), TurnAsync(gate, light, "light")];
        _time.Advance(TimeSpan.FromMilliseconds(1));
        running.Dispose();
        await Task.WhenAll(waiting);
        Assert.Equal(["light", "heavy"], _turns);
    }

    [Fact]
    public async Task A_heavy_member_and_a_light_one_get_equal_time_and_not_equal_turns()
    {
        var gate = new ComputeGate(1, _time);
        (ComputeShare Share, int Milliseconds)[] members = [(new(), 40), (new(), 10)];

        // Both have one waiting at all times; whoever has its turn computes for its time and comes back.
        var turns = new int[2];
        var running = gate.Enter(members[0].Share, ComputeRank.Run);
        var waiting = members.Select(member => gate.EnterAsync(member.Share, ComputeRank.Run, Stop).AsTask()).ToArray();
        running.Dispose();
        for (var turn = 0; turn < 500; turn++)
        {
            var next = await Task.WhenAny(waiting);
            var index = Array.IndexOf(waiting, next);
            var hold = await next;
            waiting[index] = gate.EnterAsync(members[index].Share, ComputeRank.Run, Stop).AsTask();
            _time.Advance(TimeSpan.FromMilliseconds(members[index].Milliseconds));
            turns[index]++;
            hold.Dispose();
        }

        Assert.InRange(turns[0], 99, 101); // 100 x 40 ms = 400 x 10 ms
        Assert.InRange(turns[1], 399, 401);
    }

    [Fact]
    public async Task Who_was_away_saves_nothing_up()
    {
        // 1. One member alone, for ten seconds.
        var gate = new ComputeGate(1, _time);
        var (busy, late) = (new ComputeShare(), new ComputeShare());
        for (var turn = 0; turn < 1000; turn++)
        {
            Use(gate, busy, 10);
        }

        // 2. Another comes, and from then on they take turns.
        var running = gate.Enter(busy, ComputeRank.Run);
        Task[] waiting = [.. Enumerable.Range(0, 4).SelectMany(_ => new[]
        {
            TurnAsync(gate, busy, "busy", milliseconds: 10),
            TurnAsync(gate, late, "late", milliseconds: 10),
        })];
        _time.Advance(TimeSpan.FromMilliseconds(10));
        running.Dispose();
        await Task.WhenAll(waiting);
        Assert.InRange(_turns[..4].Count(static turn => turn == "busy"), 1, 3);
    }

    [Fact]
    public async Task Who_has_waited_half_a_second_goes_before_all()
    {
        var gate = new ComputeGate(1, _time);
        var share = new ComputeShare();
        var running = gate.Enter(share, ComputeRank.Run);
        List<Task> waiting = [TurnAsync(gate, share, "background", ComputeRank.Background)];
        _time.Advance(TimeSpan.FromMilliseconds(1));
        waiting.Add(TurnAsync(gate, share, "run"));
        waiting.Add(TurnAsync(gate, share, "begin", ComputeRank.Begin));
        _time.Advance(TimeSpan.FromMilliseconds(499));
        running.Dispose();
        await Task.WhenAll(waiting);
        Assert.Equal(["background", "run", "begin"], _turns);
    }

    [Fact]
    public async Task Who_has_waited_less_than_that_waits_for_its_rank()
    {
        var gate = new ComputeGate(1, _time);
        var share = new ComputeShare();
        var running = gate.Enter(share, ComputeRank.Run);
        Task[] waiting = [TurnAsync(gate, share, "background", ComputeRank.Background), TurnAsync(gate, share, "run")];
        _time.Advance(TimeSpan.FromMilliseconds(499));
        running.Dispose();
        await Task.WhenAll(waiting);
        Assert.Equal(["run", "background"], _turns);
    }

    [Fact]
    public async Task Who_is_cancelled_while_waiting_has_no_turn_and_takes_none_away()
    {
        var gate = new ComputeGate(1, _time);
        var share = new ComputeShare();
        using var cancellation = new CancellationTokenSource();
        var running = gate.Enter(share, ComputeRank.Run);
        var leaves = gate.EnterAsync(share, ComputeRank.Run, cancellation.Token);
        var stays = gate.EnterAsync(share, ComputeRank.Run, Stop);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(leaves.AsTask);
        running.Dispose();
        (await stays).Dispose();
        AssertFree(gate, 1);
    }

    [Fact]
    public async Task A_token_that_is_cancelled_already_takes_no_permit()
    {
        var gate = new ComputeGate(1, _time);
        var gone = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => (await gate.EnterAsync(new(), ComputeRank.Begin, gone)).Dispose());
        AssertFree(gate, 1);
    }

    [Fact]
    public async Task A_cancellation_after_the_turn_leaves_the_right_with_its_owner()
    {
        var gate = new ComputeGate(1, _time);
        var share = new ComputeShare();
        using var cancellation = new CancellationTokenSource();
        var running = gate.Enter(share, ComputeRank.Run);
        var next = gate.EnterAsync(share, ComputeRank.Run, cancellation.Token);
        running.Dispose();
        await cancellation.CancelAsync();
        (await next).Dispose();
        AssertFree(gate, 1);
    }

    [Fact]
    public async Task A_blocked_thread_is_handed_its_turn()
    {
        var gate = new ComputeGate(1, _time);
        var share = new ComputeShare();
        var running = gate.Enter(share, ComputeRank.Run);
        using var about = new SemaphoreSlim(0);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var blocked = new Thread(() =>
        {
            about.Release();
            using (gate.Enter(share, ComputeRank.Run))
            {
                done.SetResult();
            }
        });
        blocked.Start();
        await about.WaitAsync(Stop);
        Assert.False(done.Task.IsCompleted); // it cannot be: the only permit is held here
        running.Dispose();
        await done.Task.WaitAsync(Stop);
        blocked.Join();
        AssertFree(gate, 1);
    }

    [Fact]
    [Trait("Category", "Soak")]
    public async Task Eight_members_that_come_and_give_up_at_random_leave_every_permit_free()
    {
        const int Permits = 3;
        const int Turns = 5;
        var gate = new ComputeGate(Permits, TimeProvider.System);
        var (inside, cancelled) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(seed => Task.Run(
            async () =>
            {
#pragma warning disable CA5394 // the same order each time is the point
                var random = new Random(seed);
                var share = new ComputeShare();
                for (var round = 0; round < 500; round++)
                {
                    // More at once than there are permits: whatever the others do, somebody waits.
                    using var cancellation = new CancellationTokenSource();
                    var turns = Enumerable.Range(0, Turns).Select(_ => TakeAsync(
                        share, (ComputeRank)random.Next(3), random.Next(3) == 0 ? cancellation.Token : Stop)).ToArray();
                    await cancellation.CancelAsync();
                    await Task.WhenAll(turns);
                }
#pragma warning restore CA5394
            },
            Stop)));
        Assert.NotEqual(0, cancelled);
        AssertFree(gate, Permits);

        async Task TakeAsync(ComputeShare share, ComputeRank rank, CancellationToken cancellationToken)
        {
            try
            {
                using (await gate.EnterAsync(share, rank, cancellationToken))
                {
                    Assert.InRange(Interlocked.Increment(ref inside), 1, Permits);
                    await Task.Yield();
                    Interlocked.Decrement(ref inside);
                }
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref cancelled);
            }
        }
    }

    /// <summary>Asserts that so many permits are free and not one more.</summary>
    private static void AssertFree(ComputeGate gate, int permits)
    {
        using var gone = new CancellationTokenSource();
        var share = new ComputeShare();
        var holds = Enumerable.Range(0, permits).Select(_ => gate.EnterAsync(share, ComputeRank.Run, Stop)).ToArray();
        Assert.All(holds, static hold => Assert.True(hold.IsCompletedSuccessfully));
        var further = gate.EnterAsync(share, ComputeRank.Run, gone.Token);
        Assert.False(further.IsCompleted);
        gone.Cancel();
        Array.ForEach(holds, static hold => hold.Result.Dispose());
    }

    private void Use(ComputeGate gate, ComputeShare share, int milliseconds)
    {
        using (gate.Enter(share, ComputeRank.Run))
        {
            _time.Advance(TimeSpan.FromMilliseconds(milliseconds));
        }
    }

    /// <summary>Notes its name when its turn comes and computes for that long.</summary>
    private async Task TurnAsync(
        ComputeGate gate, ComputeShare share, string name, ComputeRank rank = ComputeRank.Run, int milliseconds = 0)
    {
        using (await gate.EnterAsync(share, rank, Stop))
        {
            _turns.Add(name);
            _time.Advance(TimeSpan.FromMilliseconds(milliseconds));
        }
    }
}
