using System.Diagnostics;

namespace VisionService.Inference;

/// <summary>What a batcher does with its items.</summary>
internal sealed record BatchWork<TItem, TAnswer>
{
    /// <summary>
    /// Answers a batch, in order; called with the runner's number, one call at a time for each. A batch of several that
    /// throws is tried again item by item, once, so that a poisoned item fails alone. The token ends a run that nobody
    /// waits for any more, or that takes too long.
    /// </summary>
    public required Func<int, IReadOnlyList<TItem>, CancellationToken, IReadOnlyList<TAnswer>> Run { get; init; }

    /// <summary>Whether two items may share a batch.</summary>
    public required Func<TItem, TItem, bool> SameShape { get; init; }

    /// <summary>Milliseconds that a run of so many such items will take; 0: unknown.</summary>
    public Func<TItem, int, double> Cost { get; init; } = static (_, _) => 0;

    /// <summary>Has something done in its turn where the runner of this number computes. Default: on a thread of its
    /// own.</summary>
    public Action<int, ComputeRank, Action> Post { get; init; } = static (_, _, work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}

/// <summary>
/// A queue in front of a fixed number of runners. The binding is late: a runner is idle first, then the batch is closed
/// with whatever has queued up to the limit, so a batch grows while all runners are busy and a lone item never waits.
/// Items of one batch have equal shapes. The order is <see cref="FairQueue{T}"/>'s: weighted classes, callers in turn
/// within a class, earliest deadline first within a caller. Knows nothing of models or images.
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
    private readonly Stack<int> _idle;
    private readonly ITimer _company;
    private readonly ManualResetEventSlim _stopped = new();
    private bool _isStopping;
    private int _running;

    /// <param name="admission">Told of what waits and what was answered; who may wait is asked elsewhere.</param>
    public Batcher(
        string name, BatchingOptions options, BatchWork<TItem, TAnswer> work, Admission admission, TimeProvider time)
    {
        (_name, _options, _work, _admission, _time) = (name, options, work, admission, time);
        _idle = new Stack<int>(Enumerable.Range(0, options.Runners).Reverse());
        _company = time.CreateTimer(static self => ((Batcher<TItem, TAnswer>)self!).EndWait(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Runs under way.</summary>
    public int Running => Volatile.Read(ref _running);

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
        catch (Exception) when (pending.Run is not null && cancellationToken.IsCancellationRequested)
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
        List<Pending> refused;
        lock (_lock)
        {
            if (_isStopping)
            {
                return;
            }

            _isStopping = true;
            refused = [.. _queue.InTurn().Select(static entry => entry.Item)];
            refused.ForEach(TakeOut);
            StopIfIdle();
        }

        refused.ForEach(static pending => pending.Completion.TrySetException(Draining()));
        _stopped.Wait();
        _company.Dispose();
        lock (_lock)
        {
            _stopped.Dispose(); // not before whoever set it is done with it
        }
    }

    private static VisionException Draining() =>
        new(VisionError.Draining, "The model is being unloaded.") { RetryAfter = TimeSpan.FromSeconds(1) };

    private void Enqueue(Pending pending)
    {
        lock (_lock)
        {
            if (_isStopping)
            {
                throw Draining();
            }

            // An image waits in the place that it was given; what else is done for it takes places of its own.
            pending.HasOwnPlace = pending.Class == pending.Ticket.Urgency.Class && pending.Ticket.TakePlace();
            if (!pending.HasOwnPlace)
            {
                pending.Ticket.Begin();
                _admission.Add(pending.Class, pending.Ticket.Urgency.Caller);
            }

            var aged = pending.Submitted + (long)(Ageing.TotalSeconds * _time.TimestampFrequency);
            pending.Entry = _queue.Add(
                pending, pending.Class, Math.Min(pending.Deadline, aged), pending.Ticket.Urgency.Caller);
            Dispatch();
        }
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
            _admission.Remove(pending.Class, pending.Ticket.Urgency.Caller);
        }
    }

    private void Abandon(Pending pending, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (pending.Entry is null)
            {
                pending.IsGone = true;
                pending.Run?.Leave();
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

    /// <summary>Sends an idle runner for what waits, unless company is worth waiting for. Under the lock.</summary>
    private void Dispatch()
    {
        if (_queue.Count > 0 && _idle.Count > 0 && !_isStopping && !WaitsForCompany(out var reason))
        {
            Send(_idle.Pop(), reason);
        }
    }

    private void Send(int runner, string reason) => _work.Post(
        runner,
        _queue.Next == PriorityClass.Background ? ComputeRank.Background : ComputeRank.Run,
        () => Serve(runner, reason));

    private void EndWait()
    {
        lock (_lock)
        {
            Dispatch();
        }
    }

    /// <summary>One batch, closed only now that the runner's turn has come.</summary>
    private void Serve(int runner, string reason)
    {
        if (Close(ref reason) is { } batch)
        {
            Answer(runner, batch, reason);
        }

        lock (_lock)
        {
            if (_queue.Count > 0 && !_isStopping && !WaitsForCompany(out reason))
            {
                Send(runner, reason); // behind the others that share its device
                return;
            }

            _idle.Push(runner);
            StopIfIdle();
        }
    }

    private void StopIfIdle()
    {
        if (_isStopping && _idle.Count == _options.Runners)
        {
            _stopped.Set();
        }
    }

    /// <summary>Whether the options have a batch wait to fill up, and no deadline suffers from it; the timer then ends
    /// the wait. Under the lock.</summary>
    private bool WaitsForCompany(out string reason)
    {
        reason = "idle";
        if (_options.MaxQueueDelay == TimeSpan.Zero || _queue.Count >= _options.MaxBatchSize)
        {
            return false;
        }

        var first = _queue.InTurn().First().Item;
        var left = _options.MaxQueueDelay - _time.GetElapsedTime(first.Submitted);
        var slack = first.Deadline == long.MaxValue ? TimeSpan.MaxValue
            : _time.GetElapsedTime(_time.GetTimestamp(), first.Deadline)
                - TimeSpan.FromMilliseconds(_work.Cost(first.Item, _queue.Count));
        if (left <= TimeSpan.Zero || slack <= TimeSpan.Zero)
        {
            reason = slack < left ? "deadline" : "delay";
            return false;
        }

        _company.Change(left < slack ? left : slack, Timeout.InfiniteTimeSpan);
        return true;
    }

    /// <summary>Closes a batch with what waits now; what is late is dropped before it costs anything.</summary>
    private OpenRun? Close(ref string reason)
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
            var running = batch.Count == 0 ? null : new OpenRun(batch, _options.MaxRunTime, _time);
            foreach (var pending in batch)
            {
                _queue.Charge(pending.Entry!, Math.Max(1e-3, _work.Cost(pending.Item, batch.Count)) / batch.Count);
                TakeOut(pending);
                pending.Run = running;
                pending.Queued = _time.GetElapsedTime(pending.Submitted, now);
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

    private void Answer(int runner, OpenRun batch, string reason)
    {
        IReadOnlyList<TAnswer> answers;
        var members = batch.Members;
        try
        {
            Telemetry.SessionBusy(_name, 1);
            Interlocked.Increment(ref _running);
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
            Interlocked.Decrement(ref _running);
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
        OpenRun? alone;
        lock (_lock)
        {
            alone = member.IsGone ? null : new OpenRun([member], _options.MaxRunTime, _time);
            member.Run = alone ?? member.Run;
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
        public OpenRun? Run { get; set; }

        public TaskCompletionSource<TAnswer> Completion { get; } = new(
            answersOnRunner ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>A closed batch, and when to end its run.</summary>
    private sealed class OpenRun : IDisposable
    {
        private readonly Lock _lock = new();
        private readonly CancellationTokenSource _end;
        private int _left;
        private bool _isOver;

        public OpenRun(List<Pending> members, TimeSpan maxRunTime, TimeProvider time)
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
