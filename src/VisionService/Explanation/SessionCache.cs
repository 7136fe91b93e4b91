using Microsoft.Extensions.Options;

namespace VisionService.Explanation;

/// <summary>
/// Sessions for explaining: made on first use, kept while there is room for them, over all models. One is made at a
/// time, and one in use is never closed.
/// </summary>
internal sealed class SessionCache(IOptions<ExplanationOptions> options) : IDisposable
{
    private readonly LinkedList<Entry> _entries = new(); // used last, first
    private readonly SemaphoreSlim _making = new(1);

    /// <summary>The session for this plan of this owner; the caller disposes of the lease.</summary>
    public async Task<SessionLease> RentAsync(object owner, SessionPlan plan, Func<ExplainSession> open, CancellationToken cancellationToken)
    {
        var key = (owner, plan.Key);
        if (TryRent(key) is { } kept)
        {
            return kept;
        }

        await _making.WaitAsync(cancellationToken);
        try
        {
            // Somebody else may have made it meanwhile.
            return TryRent(key) ?? Add(key, open());
        }
        finally
        {
            _making.Release();
        }
    }

    /// <summary>Closes what belongs to a model that is going.</summary>
    public void Drop(object owner)
    {
        lock (_entries)
        {
            foreach (var entry in _entries.Where(entry => entry.Key.Owner == owner).ToArray())
            {
                Remove(entry);
            }
        }
    }

    public void Dispose()
    {
        lock (_entries)
        {
            foreach (var entry in _entries.ToArray())
            {
                Remove(entry);
            }
        }

        _making.Dispose();
    }

    private SessionLease? TryRent((object Owner, string Plan) key)
    {
        lock (_entries)
        {
            if (_entries.FirstOrDefault(entry => entry.Key == key) is not { } entry)
            {
                return null;
            }

            _entries.Remove(entry);
            _entries.AddFirst(entry);
            return Lend(entry);
        }
    }

    private SessionLease Add((object Owner, string Plan) key, ExplainSession session)
    {
        lock (_entries)
        {
            var entry = _entries.AddFirst(new Entry(key, session)).Value;
            var lease = Lend(entry);
            while (_entries.Count > 1
                && (_entries.Count > options.Value.MaxSessions || _entries.Sum(other => other.Session.Bytes) > options.Value.MaxSessionBytes))
            {
                Remove(_entries.Last!.Value);
            }

            return lease;
        }
    }

    private SessionLease Lend(Entry entry)
    {
        entry.Leases++;
        return new SessionLease(entry.Session, () => Return(entry));
    }

    private void Return(Entry entry)
    {
        lock (_entries)
        {
            entry.Leases--;
            CloseIfUnused(entry);
        }
    }

    private void Remove(Entry entry)
    {
        _entries.Remove(entry);
        entry.IsRemoved = true;
        CloseIfUnused(entry);
    }

    private static void CloseIfUnused(Entry entry)
    {
        if (entry is { IsRemoved: true, Leases: 0 })
        {
            entry.Session.Dispose();
        }
    }

    private sealed class Entry((object Owner, string Plan) key, ExplainSession session)
    {
        public (object Owner, string Plan) Key { get; } = key;

        public ExplainSession Session { get; } = session;

        public int Leases { get; set; }

        public bool IsRemoved { get; set; }
    }
}

/// <summary>The right to use a session; it stays open until the lease is disposed of.</summary>
internal sealed class SessionLease(ExplainSession session, Action giveBack) : IDisposable
{
    private Action? _giveBack = giveBack;

    public ExplainSession Session => session;

    public void Dispose() => Interlocked.Exchange(ref _giveBack, null)?.Invoke();
}
