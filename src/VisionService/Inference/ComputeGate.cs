namespace VisionService.Inference;

/// <summary>What kind of work asks for a device, the first to be served first: what is nearly done, what is under way,
/// what is to begin, what has time.</summary>
internal enum ComputeRank
{
    Run,
    Begin,
    Background,
}

/// <summary>
/// The right to compute on a device, for all that share it: a fixed number at a time, so that two cores never juggle
/// four jobs. Among waiters of one rank the turn goes to whoever has used the device least, in time, so that a busy or
/// heavy model starves no other; one that has waited long goes before all. Thread-safe.
/// </summary>
/// <param name="permits">How many compute at a time.</param>
internal sealed class ComputeGate(int permits, TimeProvider time)
{
    // Long against a run, short against a caller's patience.
    private static readonly TimeSpan Long = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly List<Waiter> _waiters = [];
    private int _free = permits;
    private double _now;

    /// <summary>Blocks the thread until it may compute.</summary>
    /// <returns>To be disposed of when done, on whatever thread.</returns>
    public ComputeHold Enter(ComputeShare share, ComputeRank rank)
    {
        Waiter waiter;
        lock (_lock)
        {
            if (TryTake(share) is { } hold)
            {
                return hold;
            }

            waiter = Wait(share, rank);
        }

        return waiter.Turn.Task.GetAwaiter().GetResult();
    }

    /// <inheritdoc cref="Enter"/>
    /// <exception cref="OperationCanceledException">Cancelled while waiting.</exception>
    public ValueTask<ComputeHold> EnterAsync(ComputeShare share, ComputeRank rank, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Waiter waiter;
        lock (_lock)
        {
            if (TryTake(share) is { } hold)
            {
                return new ValueTask<ComputeHold>(hold);
            }

            waiter = Wait(share, rank);
        }

        return new ValueTask<ComputeHold>(WaitAsync(waiter, cancellationToken));
    }

    internal void Leave(ComputeShare share, long since)
    {
        Waiter? next;
        lock (_lock)
        {
            share.Holds--;
            share.Used += time.GetElapsedTime(since).TotalMilliseconds;
            next = _waiters.Count > 0 ? Choose() : null;
            if (next is null)
            {
                _free++;
                return;
            }

            _waiters.Remove(next);
            _now = Math.Max(_now, next.Share.Used);
            next.Share.Holds++;
        }

        next.Turn.SetResult(new ComputeHold(this, next.Share, time.GetTimestamp()));
    }

    private ComputeHold? TryTake(ComputeShare share)
    {
        if (_free == 0)
        {
            return null;
        }

        _free--;
        Arrive(share);
        _now = Math.Max(_now, share.Used);
        share.Holds++;
        return new ComputeHold(this, share, time.GetTimestamp());
    }

    private Waiter Wait(ComputeShare share, ComputeRank rank)
    {
        Arrive(share);
        var waiter = new Waiter(share, rank, time.GetTimestamp());
        _waiters.Add(waiter);
        return waiter;
    }

    /// <summary>Who was away saves nothing up.</summary>
    private void Arrive(ComputeShare share)
    {
        if (share.Holds == 0 && !_waiters.Exists(waiter => waiter.Share == share))
        {
            share.Used = Math.Max(share.Used, _now);
        }
    }

    private async Task<ComputeHold> WaitAsync(Waiter waiter, CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.UnsafeRegister(
            _ =>
            {
                lock (_lock)
                {
                    if (!_waiters.Remove(waiter))
                    {
                        return; // its turn came first
                    }
                }

                waiter.Turn.SetCanceled(cancellationToken);
            },
            null);
        return await waiter.Turn.Task.ConfigureAwait(false);
    }

    // A handful of waiters: models on this device times their runners, and requests that decode.
    private Waiter Choose()
    {
        var best = _waiters[0];
        if (time.GetElapsedTime(best.Since) >= Long)
        {
            return best; // the list is in order of arrival
        }

        foreach (var waiter in _waiters)
        {
            if ((waiter.Rank, waiter.Share.Used).CompareTo((best.Rank, best.Share.Used)) < 0)
            {
                best = waiter;
            }
        }

        return best;
    }

    private sealed class Waiter(ComputeShare share, ComputeRank rank, long since)
    {
        public ComputeShare Share => share;

        public ComputeRank Rank => rank;

        public long Since => since;

        public TaskCompletionSource<ComputeHold> Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>A member's account with a gate: what it has used of the device, milliseconds; kept by the gate.</summary>
internal sealed class ComputeShare
{
    internal double Used { get; set; }

    internal int Holds { get; set; }
}

/// <summary>The right to compute, until disposal.</summary>
internal sealed class ComputeHold(ComputeGate gate, ComputeShare share, long since) : IDisposable
{
    private ComputeGate? _gate = gate;

    public void Dispose() => Interlocked.Exchange(ref _gate, null)?.Leave(share, since);
}
