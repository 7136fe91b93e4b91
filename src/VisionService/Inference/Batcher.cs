namespace VisionService.Inference;

/// <summary>
/// A bounded queue in front of a fixed number of runners. The binding is late: a runner is idle first, then the batch
/// is closed with whatever has queued up to the limit, so a batch grows while all runners are busy and a lone item
/// never waits. Items of one batch have equal shapes. Knows nothing of models or images.
/// </summary>
/// <typeparam name="TItem">What is queued; it stays the submitter's, who may reuse it once the answer is
/// there.</typeparam>
/// <typeparam name="TAnswer">What each item gets; disposed here when nobody is left to take it.</typeparam>
internal sealed class Batcher<TItem, TAnswer> : IDisposable
    where TAnswer : IDisposable
{
    private readonly BatchingOptions _options;
    private readonly Func<TItem, TItem, bool> _sameShape;
    private readonly Func<int, IReadOnlyList<TItem>, IReadOnlyList<TAnswer>> _run;
    private readonly TimeProvider _time;
    private readonly LinkedList<Pending> _queue = new();
    private readonly SemaphoreSlim _arrivals = new(0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Thread[] _runners;

    /// <param name="run">
    /// Answers a batch, in order; called with the runner's number on that runner's own thread. A batch of several that
    /// throws is tried again item by item, once, so that a poisoned item fails alone.
    /// </param>
    public Batcher(
        string name,
        BatchingOptions options,
        Func<TItem, TItem, bool> sameShape,
        Func<int, IReadOnlyList<TItem>, IReadOnlyList<TAnswer>> run,
        TimeProvider time)
    {
        (_options, _sameShape, _run, _time) = (options, sameShape, run, time);
        _runners = new Thread[options.Runners];
        for (var i = 0; i < _runners.Length; i++)
        {
            var runner = i;
            _runners[i] = new Thread(() => Serve(runner)) { IsBackground = true, Name = $"runner {name}/{i}" };
            _runners[i].Start();
        }
    }

    /// <summary>Items that wait; those in a running batch are not counted.</summary>
    public int QueueLength
    {
        get
        {
            lock (_queue)
            {
                return _queue.Count;
            }
        }
    }

    /// <summary>
    /// Queues the item behind those of equal or higher priority and completes with its answer. Cancellation takes a
    /// waiting item out of the queue at once; an item already in a batch waits for its short run, then is cancelled.
    /// </summary>
    /// <exception cref="VisionException">The queue is full, or the batcher is draining.</exception>
    public async Task<(TAnswer Answer, TimeSpan Queued)> SubmitAsync(
        TItem item, int priority, CancellationToken cancellationToken)
    {
        var pending = new Pending(item, priority, _time.GetTimestamp());
        Enqueue(pending);
        TAnswer answer;
        await using (cancellationToken.UnsafeRegister(_ => Abandon(pending, cancellationToken), null).ConfigureAwait(false))
        {
            answer = await pending.Completion.Task.ConfigureAwait(false);
        }

        if (cancellationToken.IsCancellationRequested)
        {
            answer.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
        }

        return (answer, pending.Queued);
    }

    /// <summary>Lets the running batches end and refuses what waits.</summary>
    public void Dispose()
    {
        lock (_queue)
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

        // Under the lock: callers may be cancelling at this very moment.
        lock (_queue)
        {
            foreach (var pending in _queue)
            {
                pending.Node = null;
                pending.Completion.TrySetException(Draining());
            }

            _queue.Clear();
        }

        _arrivals.Dispose();
        _stopping.Dispose();
    }

    private static VisionException Draining() =>
        new(VisionError.Draining, "The model is being unloaded.") { RetryAfter = TimeSpan.FromSeconds(1) };

    private void Enqueue(Pending pending)
    {
        lock (_queue)
        {
            if (_stopping.IsCancellationRequested)
            {
                throw Draining();
            }

            if (_queue.Count >= _options.MaxQueueSize)
            {
                throw new VisionException(
                    VisionError.Overloaded,
                    $"{_queue.Count} images wait for this model; its queue takes {_options.MaxQueueSize} (MaxQueueSize).")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                };
            }

            var last = _queue.Last;
            while (last is not null && last.Value.Priority < pending.Priority)
            {
                last = last.Previous;
            }

            pending.Node = last is null ? _queue.AddFirst(pending) : _queue.AddAfter(last, pending);
            _arrivals.Release();
        }
    }

    private void Abandon(Pending pending, CancellationToken cancellationToken)
    {
        lock (_queue)
        {
            if (pending.Node is null)
            {
                return;
            }

            _queue.Remove(pending.Node);
            pending.Node = null;
        }

        pending.Completion.TrySetCanceled(cancellationToken);
    }

    private void Serve(int runner)
    {
        while (NextBatch() is { } batch)
        {
            Answer(runner, batch);
        }
    }

    /// <summary>Blocks until there is something to run; null when the batcher stops.</summary>
    private List<Pending>? NextBatch()
    {
        while (true)
        {
            try
            {
                _arrivals.Wait(_stopping.Token);
            }
            catch (OperationCanceledException)
            {
                return null;
            }

            WaitForCompany();
            var batch = Close();
            if (batch.Count > 0)
            {
                return batch;
            }
        }
    }

    private void WaitForCompany()
    {
        if (_options.MaxQueueDelay == TimeSpan.Zero || _options.MaxBatchSize == 1)
        {
            return;
        }

        while (true)
        {
            TimeSpan left;
            lock (_queue)
            {
                if (_queue.First is not { } first || _queue.Count >= _options.MaxBatchSize)
                {
                    return;
                }

                left = _options.MaxQueueDelay - _time.GetElapsedTime(first.Value.Submitted);
            }

            if (left <= TimeSpan.Zero)
            {
                return;
            }

            try
            {
                using var timer = new CancellationTokenSource(left, _time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, _stopping.Token);
                _arrivals.Wait(either.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private List<Pending> Close()
    {
        var batch = new List<Pending>(_options.MaxBatchSize);
        lock (_queue)
        {
            var node = _queue.First;
            while (node is not null && batch.Count < _options.MaxBatchSize)
            {
                var next = node.Next;
                var pending = node.Value;
                if (batch.Count == 0 || _sameShape(batch[0].Item, pending.Item))
                {
                    _queue.Remove(node);
                    pending.Node = null;
                    pending.Queued = _time.GetElapsedTime(pending.Submitted);
                    batch.Add(pending);
                }

                node = next;
            }

            // Items of another shape stay behind, and the signals that announced them may already be spent.
            if (_queue.Count > 0 && _arrivals.CurrentCount == 0)
            {
                _arrivals.Release();
            }
        }

        return batch;
    }

    private void Answer(int runner, List<Pending> batch)
    {
        try
        {
            var answers = _run(runner, batch.ConvertAll(pending => pending.Item));
            for (var i = 0; i < batch.Count; i++)
            {
                if (!batch[i].Completion.TrySetResult(answers[i]))
                {
                    answers[i].Dispose();
                }
            }
        }
        catch (Exception) when (batch.Count > 1)
        {
            foreach (var pending in batch)
            {
                Answer(runner, [pending]);
            }
        }
        catch (Exception exception)
        {
            batch[0].Completion.TrySetException(exception);
        }
    }

    private sealed class Pending(TItem item, int priority, long submitted)
    {
        public TItem Item { get; } = item;

        public int Priority { get; } = priority;

        public long Submitted { get; } = submitted;

        public TimeSpan Queued { get; set; }

        /// <summary>The place in the queue, under its lock; null once claimed by a batch or by cancellation.</summary>
        public LinkedListNode<Pending>? Node { get; set; }

        public TaskCompletionSource<TAnswer> Completion { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
