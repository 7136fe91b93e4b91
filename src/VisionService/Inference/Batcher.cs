using System.Diagnostics;

namespace VisionService.Inference;

/// <summary>What a batcher does with its items.</summary>
internal sealed record BatchWork<TItem, TAnswer>
{
    /// <summary>
    /// Answers a batch, in order; called with the runner's number on that runner's own thread. A batch of several that
    /// throws is tried again item by item, once, so that a poisoned item fails alone. The token ends a run that nobody
    /// waits for any more, or that takes too long.
    /// </summary>
    public required Func<int, IReadOnlyList<TItem>, CancellationToken, IReadOnlyList<TAnswer>> Run { get; init; }

    /// <summary>Whether two items may share a batch.</summary>
    public required Func<TItem, TItem, bool> SameShape { get; init; }

    /// <summary>Milliseconds that a run of so many such items will take; 0: unknown.</summary>
    public Func<TItem, int, double> Cost { get; init; } = static (_, _) => 0;

    /// <summary>Takes the right to compute for a runner, blocking; null where there is nothing to share.</summary>
    public Func<int, ComputeRank, IDisposable?> Enter { get; init; } = static (_, _) => null;
}

/// <summary>
/// A queue in front of a fixed number of runners. The binding is late: a runner is idle first, then the batch is closed
/// with whatever has queued up to the limit, so a batch grows while all runners are busy and a lone item never waits.
/// Items of one batch have equal shapes. The order is <see cref="FairQueue{T}"/>'s: earliest deadline first within
/// weighted classes. Knows nothing of models or images.
/// </summary>
/// <typeparam name="TItem">What is queued; it stays the submitter's, who may reuse it once the answer is
/// there.</typeparam>
/// <typeparam name="TAnswer">What each item gets; disposed here when nobody is left to take it.</typeparam>
internal sealed class Batcher<TItem, TAnswer> : IDisposable
    where TAnswer : IDisposable
{
    // Who has waited so long goes before whoever comes later, whatever their deadlines.
    private static readonly TimeSpan Ageing = TimeSpan.FromSeconds(5);

    // Looking through a long queue of many shapes for company is not worth more.
    private const int MostLookedAt = 1024;

    private readonly string _name;
    private readonly BatchingOptions _options;
    private readonly BatchWork<TItem, TAnswer> _work;
    private readonly Admission _admission;
    private readonly TimeProvider _time;
    private readonly FairQueue<Pending> _queue = new();
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _arrivals = new(0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Thread[] _runners;

    /// <param name="admission">Told of what waits and what was answered; who may wait is asked elsewhere.</param>
    public Batcher(
        string name, BatchingOptions options, BatchWork<TItem, TAnswer> work, Admission admission, TimeProvider time)
    {
        (_name, _options, _work, _admission, _time) = (name, options, work, admission, time);
        _runners = new Thread[options.Runners];
        for (var i = 0; i < _runners.Length; i++)
        {
            var runner = i;
            _runners[i] = new Thread(() => Serve(runner)) { IsBackground = true, Name = $"runner {name}/{i}" };
            _runners[i].UnsafeStart(); // whoever loads the model is not the parent of every batch's span
        }
    }

    /// <summary>Items that wait; those in a running batch are not counted.</summary>
    public int QueueLength
    {
        get
        {
            lock (_lock)
            {
                return _queue.Count;
            }
        }
    }

    /// <summary>
    /// Queues an item and completes with its answer. Cancellation takes a waiting item out of the queue at once; an item
    /// already in a batch waits for its run, which ends early when all its members are gone.
    /// </summary>
    /// <param name="isBackground">Whether it is one of many runs behind one image, which have time.</param>
    /// <exception cref="VisionException">Its time is over, its run failed, or the batcher is draining.</exception>
    public async Task<(TAnswer Answer, TimeSpan Queued)> SubmitAsync(
        TItem item, Ticket ticket, bool isBackground, CancellationToken cancellationToken)
    {
        var pending = new Pending(item, ticket, isBackground, _time.GetTimestamp(), _options.AnswersOnRunner);
        Enqueue(pending);
        TAnswer answer;
        try
        {
            await using (cancellationToken.UnsafeRegister(_ => Abandon(pending, cancellationToken), null).ConfigureAwait(false))
            {
                answer = await pending.Completion.Task.ConfigureAwait(false);
            }
        }
        catch (Exception) when (pending.Running is not null && cancellationToken.IsCancellationRequested)
        {
            throw Gone(pending, "inference", cancellationToken);
        }

        if (cancellationToken.IsCancellationRequested)
        {
            answer.Dispose();
            throw Gone(pending, "inference", cancellationToken);
        }

        return (answer, pending.Queued);
    }

    /// <summary>Lets the running batches end and refuses what waits.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_stopping.IsCancellationRequested)
            {
                return;
            }

            _stopping.Cancel();
        }

        foreach (var runner in _runners)
        {
            runner.Join();
        }

        List<Pending> refused;
        lock (_lock)
        {
            // Under the lock: callers may be cancelling at this very moment.
            refused = [.. _queue.InTurn().Select(static entry => entry.Item)];
            refused.ForEach(TakeOut);
        }

        refused.ForEach(static pending => pending.Completion.TrySetException(Draining()));
        _arrivals.Dispose();
        _stopping.Dispose();
    }

    private static VisionException Draining() =>
        new(VisionError.Draining, "The model is being unloaded.") { RetryAfter = TimeSpan.FromSeconds(1) };

    private void Enqueue(Pending pending)
    {
        lock (_lock)
        {
            if (_stopping.IsCancellationRequested)
            {
                throw Draining();
            }

            // An image waits in the place that it was given; what else is done for it takes places of its own.
            pending.HasOwnPlace = pending.Class == pending.Ticket.Urgency.Class && pending.Ticket.TakePlace();
            if (!pending.HasOwnPlace)
            {
                pending.Ticket.Begin();
                _admission.Add(pending.Class);
            }

            var aged = pending.Submitted + (long)(Ageing.TotalSeconds * _time.TimestampFrequency);
            pending.Entry = _queue.Add(pending, pending.Class, Math.Min(pending.Deadline, aged));
            _arrivals.Release();
        }

        Telemetry.Queued(_name, 1);
    }

    /// <summary>Takes an item out of the queue, under its lock.</summary>
    private void TakeOut(Pending pending)
    {
        _queue.Remove(pending.Entry!);
        pending.Entry = null;
        if (pending.HasOwnPlace)
        {
            pending.Ticket.Begin();
        }
        else
        {
            _admission.Free(pending.Class, 0);
        }

        Telemetry.Queued(_name, -1);
    }

    private void Abandon(Pending pending, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (pending.Entry is null)
            {
                pending.IsGone = true;
                pending.Running?.Leave();
                return;
            }

            TakeOut(pending);
        }

        pending.Completion.TrySetException(Gone(pending, "queue", cancellationToken));
    }

    /// <summary>Why an item's caller is told nothing but that: its time is over, or it went.</summary>
    private Exception Gone(Pending pending, string stage, CancellationToken cancellationToken)
    {
        Telemetry.Cancelled(_name, stage);
        return pending.Deadline <= _time.GetTimestamp() ? pending.Ticket.Urgency.Late(stage)
            : new OperationCanceledException(cancellationToken);
    }

    private void Serve(int runner)
    {
        while (WaitForWork())
        {
            var reason = WaitForCompany();
            if (Next() is not { } rank)
            {
                continue;
            }

            // The right to compute comes before the batch is closed, which may grow until then.
            using var turn = _work.Enter(runner, rank);
            if (Close(ref reason) is { } batch)
            {
                Answer(runner, batch, reason);
            }
        }
    }

    /// <summary>Blocks until there is something to run; false when the batcher stops.</summary>
    private bool WaitForWork()
    {
        try
        {
            _arrivals.Wait(_stopping.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Waits as long as the options allow a batch to fill up, and no deadline suffers.</summary>
    /// <returns>Why it ended.</returns>
    private string WaitForCompany()
    {
        if (_options.MaxQueueDelay == TimeSpan.Zero || _options.MaxBatchSize == 1)
        {
            return "idle";
        }

        while (true)
        {
            TimeSpan left, slack;
            lock (_lock)
            {
                if (_queue.Count == 0 || _queue.Count >= _options.MaxBatchSize)
                {
                    return "idle";
                }

                var first = _queue.InTurn().First().Item;
                left = _options.MaxQueueDelay - _time.GetElapsedTime(first.Submitted);
                slack = first.Deadline == long.MaxValue ? TimeSpan.MaxValue
                    : _time.GetElapsedTime(_time.GetTimestamp(), first.Deadline)
                        - TimeSpan.FromMilliseconds(_work.Cost(first.Item, _queue.Count));
            }

            if (left <= TimeSpan.Zero || slack <= TimeSpan.Zero)
            {
                return slack < left ? "deadline" : "delay";
            }

            try
            {
                using var timer = new CancellationTokenSource(left < slack ? left : slack, _time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, _stopping.Token);
                _arrivals.Wait(either.Token);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return "drain";
            }
            catch (OperationCanceledException)
            {
                // The next look says which of the two times is over.
            }
        }
    }

    /// <summary>The rank of what is next; null where nothing waits any more.</summary>
    private ComputeRank? Next()
    {
        lock (_lock)
        {
            return _queue.Count == 0 ? null
                : _queue.Next == PriorityClass.Background ? ComputeRank.Background : ComputeRank.Run;
        }
    }

    /// <summary>Closes a batch with what waits now; what is late is dropped before it costs anything.</summary>
    private Running? Close(ref string reason)
    {
        var batch = new List<Pending>(Math.Min(_options.MaxBatchSize, 64));
        List<Pending>? late = null;
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            var tightest = long.MaxValue;
            var looked = 0;
            foreach (var entry in _queue.InTurn())
            {
                var pending = entry.Item;
                if (pending.Deadline <= now)
                {
                    (late ??= []).Add(pending);
                }
                else if (batch.Count == 0 || _work.SameShape(batch[0].Item, pending.Item))
                {
                    if (batch.Count > 0 && WouldBeLate(pending.Item, batch.Count, now, tightest))
                    {
                        reason = "deadline";
                        break;
                    }

                    batch.Add(pending);
                    tightest = Math.Min(tightest, pending.Deadline);
                }

                if (batch.Count == _options.MaxBatchSize)
                {
                    reason = batch.Count > 1 ? "full" : reason;
                    break;
                }

                if (++looked == MostLookedAt)
                {
                    break;
                }
            }

            late?.ForEach(TakeOut);
            var running = batch.Count == 0 ? null : new Running(batch, _options.MaxRunTime, _time);
            foreach (var pending in batch)
            {
                TakeOut(pending);
                pending.Running = running;
                pending.Queued = _time.GetElapsedTime(pending.Submitted, now);
                _queue.Charge(pending.Class, Math.Max(1e-3, _work.Cost(pending.Item, batch.Count)) / batch.Count);
            }

            // What stays behind must have a signal: those that announced it may already be spent.
            if (_queue.Count > 0 && _arrivals.CurrentCount == 0)
            {
                _arrivals.Release();
            }

            Complete(late);
            return running;
        }
    }

    // Completing runs whatever waits for the answer: never under the lock.
    private void Complete(List<Pending>? late)
    {
        if (late is not null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static state => state.Late.ForEach(pending => pending.Completion.TrySetException(
                    state.Self.Gone(pending, "queue", CancellationToken.None))),
                (Self: this, Late: late),
                preferLocal: false);
        }
    }

    /// <summary>Whether one more item makes a member late that would be in time without it.</summary>
    private bool WouldBeLate(TItem item, int members, long now, long tightest)
    {
        if (tightest == long.MaxValue)
        {
            return false;
        }

        var left = _time.GetElapsedTime(now, tightest).TotalMilliseconds;
        return _work.Cost(item, members + 1) > left && _work.Cost(item, members) <= left;
    }

    private void Answer(int runner, Running batch, string reason)
    {
        IReadOnlyList<TAnswer> answers;
        var members = batch.Members;
        try
        {
            Telemetry.SessionBusy(_name, 1);
            using var span = Telemetry.Batch(
                _name, members.Count, reason, members.Select(static member => member.Caller));
            answers = _work.Run(runner, members.ConvertAll(static member => member.Item), batch.Token);
        }
        catch (OperationCanceledException) when (batch.Token.IsCancellationRequested)
        {
            var tooLong = new VisionException(
                VisionError.DeadlineExceeded,
                $"The run took longer than {_options.MaxRunTime.TotalMilliseconds:F0} ms (MaxRunTime) and was ended in stage 'inference'.");
            members.ForEach(member => member.Completion.TrySetException(tooLong));
            return;
        }
        catch (Exception) when (members.Count > 1)
        {
            foreach (var member in members)
            {
                Retry(runner, member);
            }

            return;
        }
        catch (Exception exception)
        {
            members[0].Completion.TrySetException(exception);
            return;
        }
        finally
        {
            Telemetry.SessionBusy(_name, -1);
            batch.Dispose();
        }

        _admission.Observe(members.Count);
        for (var i = 0; i < members.Count; i++)
        {
            if (!members[i].Completion.TrySetResult(answers[i]))
            {
                answers[i].Dispose();
            }
        }
    }

    private void Retry(int runner, Pending member)
    {
        Running? alone;
        lock (_lock)
        {
            alone = member.IsGone ? null : new Running([member], _options.MaxRunTime, _time);
            member.Running = alone ?? member.Running;
        }

        if (alone is null)
        {
            member.Completion.TrySetCanceled();
        }
        else
        {
            Answer(runner, alone, "retry");
        }
    }

    private sealed class Pending(TItem item, Ticket ticket, bool isBackground, long submitted, bool answersOnRunner)
    {
        public TItem Item => item;

        public Ticket Ticket => ticket;

        public PriorityClass Class { get; } = isBackground ? PriorityClass.Background : ticket.Urgency.Class;

        public long Submitted => submitted;

        public long Deadline => ticket.Urgency.Deadline;

        /// <summary>Who submitted it, for the spans.</summary>
        public ActivityContext Caller { get; } = Activity.Current?.Context ?? default;

        public TimeSpan Queued { get; set; }

        public bool HasOwnPlace { get; set; }

        /// <summary>The place in the queue, under its lock; null once claimed by a batch or by cancellation.</summary>
        public FairQueue<Pending>.Entry? Entry { get; set; }

        /// <summary>Whether its caller went while it was in a run.</summary>
        public bool IsGone { get; set; }

        /// <summary>The run that claimed it.</summary>
        public Running? Running { get; set; }

        public TaskCompletionSource<TAnswer> Completion { get; } = new(
            answersOnRunner ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>A closed batch, and when to end its run.</summary>
    private sealed class Running : IDisposable
    {
        private readonly Lock _lock = new();
        private readonly CancellationTokenSource _end;
        private int _left;
        private bool _isOver;

        public Running(List<Pending> members, TimeSpan maxRunTime, TimeProvider time)
        {
            Members = members;
            _end = maxRunTime == Timeout.InfiniteTimeSpan ? new CancellationTokenSource() : new CancellationTokenSource(maxRunTime, time);
            Token = _end.Token;
        }

        public List<Pending> Members { get; }

        public CancellationToken Token { get; }

        /// <summary>A member's caller is gone; without any, nobody needs the run.</summary>
        public void Leave()
        {
            lock (_lock)
            {
                if (!_isOver && ++_left == Members.Count)
                {
                    _end.Cancel();
                }
            }
        }

        public void Dispose()
        {
            lock (_lock)
            {
                _isOver = true;
                _end.Dispose();
            }
        }
    }
}
