namespace VisionService.Repository;

/// <summary>Counts the requests that use a model, so that unloading it lets them end first, and remembers the
/// last.</summary>
internal sealed class ModelUse
{
    private static long _turn;

    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private int _users;
    private bool _isEnding;
    private long _lastTurn = Interlocked.Increment(ref _turn);

    /// <summary>Grows with each use of any model: of two models the one with the smaller turn has been idle for
    /// longer.</summary>
    public long LastTurn => Volatile.Read(ref _lastTurn);

    /// <summary>Keeps the model until disposal of what is returned; null where it is being unloaded or has been
    /// replaced: then the table says what there is now.</summary>
    public IDisposable? TryBegin()
    {
        lock (_lock)
        {
            if (_isEnding)
            {
                return null;
            }

            _lastTurn = Interlocked.Increment(ref _turn);
            _users++;
            return new Hold(this);
        }
    }

    /// <summary>Lets nobody in any more; completes when the last user is gone.</summary>
    public Task EndAsync()
    {
        lock (_lock)
        {
            _isEnding = true;
            CompleteIfUnused();
            return _drained.Task;
        }
    }

    private void End()
    {
        lock (_lock)
        {
            _users--;
            CompleteIfUnused();
        }
    }

    private void CompleteIfUnused()
    {
        if (_isEnding && _users == 0)
        {
            _drained.TrySetResult();
        }
    }

    private sealed class Hold(ModelUse use) : IDisposable
    {
        private ModelUse? _use = use;

        public void Dispose() => Interlocked.Exchange(ref _use, null)?.End();
    }
}
