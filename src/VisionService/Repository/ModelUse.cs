namespace VisionService.Repository;

/// <summary>Counts the requests that use a model, so that unloading it lets them end first.</summary>
internal sealed class ModelUse
{
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private int _users;
    private bool _isEnding;

    /// <summary>Keeps the model until disposal of what is returned.</summary>
    /// <exception cref="VisionException">The model is being unloaded.</exception>
    public IDisposable Begin()
    {
        lock (_lock)
        {
            if (_isEnding)
            {
                throw new VisionException(VisionError.Draining, "The model is being unloaded.") { RetryAfter = TimeSpan.FromSeconds(1) };
            }

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
