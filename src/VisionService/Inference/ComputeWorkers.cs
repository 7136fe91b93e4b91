using System.Runtime.CompilerServices;

namespace VisionService.Inference;

/// <summary>What kind of work waits for a worker, the first to be served first: what is under way, what is to begin,
/// what has time.</summary>
internal enum ComputeRank
{
    Run,
    Begin,
    Background,
}

/// <summary>
/// The threads that compute on a device, for all that share it: on the CPU one for each core, so that two cores never
/// juggle four jobs and an image stays on one thread from its pixels to its answer. Within a rank the turn goes to
/// whoever has used the workers least, in time, so that a busy or heavy model starves no other; work that has waited long
/// goes before all.
/// </summary>
internal sealed class ComputeWorkers : IDisposable
{
    private const int Ranks = 3;

    // Long against a run, short against a caller's patience.
    private static readonly TimeSpan Long = TimeSpan.FromMilliseconds(500);

    [ThreadStatic]
    private static ComputeWorkers? _here;

    private readonly TimeProvider _time;
    private readonly Thread[] _threads;
    private readonly object _lock = new();
    private readonly List<ComputeShare> _waiting = [];
    private double _now;
    private int _idle;
    private bool _isStopping;

    public ComputeWorkers(string name, int count, TimeProvider time)
    {
        _time = time;
        _threads = new Thread[count];
        for (var i = 0; i < count; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = $"{name} {i}" };
            _threads[i].UnsafeStart(); // whoever starts the service is not the parent of every span
        }
    }

    /// <summary>Has a worker do this in its turn.</summary>
    /// <param name="work">Throws nothing.</param>
    public void Post(ComputeShare share, ComputeRank rank, Action work) => Add(share, rank, work);

    /// <summary>To be awaited: continues the caller on a worker in its turn; at once where it is on one already.</summary>
    /// <remarks>What follows holds the worker until it awaits what is not there yet; it must not block. Throws <see
    /// cref="OperationCanceledException"/> where it is cancelled while waiting.</remarks>
    public WorkerSwitch SwitchAsync(ComputeShare share, ComputeRank rank, CancellationToken cancellationToken) =>
        new(this, share, rank, cancellationToken);

    /// <summary>Whether the current thread is one of the workers.</summary>
    internal bool IsHere => _here == this;

    /// <summary>Ends the threads once each has done what it does.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isStopping = true;
            Monitor.PulseAll(_lock);
        }

        foreach (var thread in _threads)
        {
            if (thread != Thread.CurrentThread)
            {
                thread.Join();
            }
        }
    }

    internal LinkedListNode<ComputeShare.Work> Add(ComputeShare share, ComputeRank rank, Action action)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isStopping, this);
            if (!share.IsWaiting)
            {
                // Who was away saves nothing up.
                if (share.Working == 0)
                {
                    share.Used = Math.Max(share.Used, _now);
                }

                _waiting.Add(share);
            }

            var node = share.Queues[(int)rank].AddLast(new ComputeShare.Work(action, _time.GetTimestamp()));
            if (_idle > 0)
            {
                Monitor.Pulse(_lock);
            }

            return node;
        }
    }

    /// <summary>Takes work back; false where its turn has come.</summary>
    internal bool TryRemove(ComputeShare share, ComputeRank rank, LinkedListNode<ComputeShare.Work> node)
    {
        lock (_lock)
        {
            if (node.List is null)
            {
                return false;
            }

            share.Queues[(int)rank].Remove(node);
            Forget(share);
            return true;
        }
    }

    private void Work()
    {
        _here = this;
        while (Take(out var share) is { } action)
        {
            var start = _time.GetTimestamp();
            action();
            var used = _time.GetElapsedTime(start).TotalMilliseconds;
            lock (_lock)
            {
                share!.Working--;
                share.Used += used;
            }
        }
    }

    /// <summary>Blocks until there is something to do; null at the end.</summary>
    private Action? Take(out ComputeShare? share)
    {
        lock (_lock)
        {
            while (true)
            {
                if (_isStopping)
                {
                    share = null;
                    return null;
                }

                if (_waiting.Count > 0)
                {
                    (share, var queue) = Choose();
                    var work = queue.First!.Value;
                    queue.RemoveFirst();
                    Forget(share);
                    _now = Math.Max(_now, share.Used);
                    share.Working++;
                    return work.Action;
                }

                _idle++;
                Monitor.Wait(_lock);
                _idle--;
            }
        }
    }

    private void Forget(ComputeShare share)
    {
        if (!share.IsWaiting)
        {
            _waiting.Remove(share);
        }
    }

    // A few members, each with a few queues of which the first counts.
    private (ComputeShare Share, LinkedList<ComputeShare.Work> Queue) Choose()
    {
        (ComputeShare Share, LinkedList<ComputeShare.Work> Queue)? best = null, oldest = null;
        for (var rank = 0; rank < Ranks; rank++)
        {
            (ComputeShare Share, LinkedList<ComputeShare.Work> Queue)? bestOfRank = null;
            foreach (var share in _waiting)
            {
                var queue = share.Queues[rank];
                if (queue.First is not { } first)
                {
                    continue;
                }

                // However long images wait to be begun, those begun are to be ended first: they take memory.
                var isNext = rank != (int)ComputeRank.Begin || share.Queues[(int)ComputeRank.Run].Count == 0;
                if (isNext && (oldest is null || first.Value.Since < oldest.Value.Queue.First!.Value.Since))
                {
                    oldest = (share, queue);
                }

                if (bestOfRank is null || share.Used < bestOfRank.Value.Share.Used)
                {
                    bestOfRank = (share, queue);
                }
            }

            best ??= bestOfRank;
        }

        return oldest is { } aged && _time.GetElapsedTime(aged.Queue.First!.Value.Since) >= Long ? aged : best!.Value;
    }
}

/// <summary>A member's account with the workers that it shares: what it has used, milliseconds, and what waits; theirs to
/// keep.</summary>
internal sealed class ComputeShare
{
    internal LinkedList<Work>[] Queues { get; } = [new(), new(), new()];

    internal double Used { get; set; }

    internal int Working { get; set; }

    internal bool IsWaiting => Array.Exists(Queues, static queue => queue.Count > 0);

    internal readonly record struct Work(Action Action, long Since);
}

/// <summary>The way of an async method onto a worker: its continuation is the work.</summary>
internal sealed class WorkerSwitch(
    ComputeWorkers workers, ComputeShare share, ComputeRank rank, CancellationToken cancellationToken) : ICriticalNotifyCompletion
{
    private LinkedListNode<ComputeShare.Work>? _work;
    private CancellationTokenRegistration _registration;
    private Action? _continuation;

    public bool IsCompleted => workers.IsHere || cancellationToken.IsCancellationRequested;

    public WorkerSwitch GetAwaiter() => this;

    public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

    public void UnsafeOnCompleted(Action continuation)
    {
        // From here on the continuation may run: nothing but what belongs to cancellation is touched any more.
        _continuation = continuation;
        _work = workers.Add(share, rank, continuation);
        _registration = cancellationToken.UnsafeRegister(static self => ((WorkerSwitch)self!).Cancel(), this);
    }

    public void GetResult()
    {
        _registration.Unregister();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private void Cancel()
    {
        if (workers.TryRemove(share, rank, _work!))
        {
            ThreadPool.UnsafeQueueUserWorkItem(static continuation => continuation(), _continuation!, preferLocal: false);
        }
    }
}
