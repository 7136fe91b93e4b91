namespace VisionService.Inference;

/// <summary>How urgent work is, as the queue sees it.</summary>
internal enum PriorityClass
{
    /// <summary>What has time, such as the many runs behind one explanation.</summary>
    Background,
    Normal,
    Raised,
    Urgent,
}

/// <summary>
/// Waiting items in the order in which they are to be served. Classes share the service by weight, so that the lowest
/// moves on too while higher ones are always waiting; within a class callers share it evenly; within a caller the
/// smallest key is first, then who came first. Not thread-safe.
/// </summary>
internal sealed class FairQueue<T>
{
    private static readonly double[] Weights = [1, 8, 32, 128];

    private readonly CallerQueue<T>[] _classes = [.. Weights.Select(static _ => new CallerQueue<T>())];
    private readonly FairClock.Account[] _accounts =
        [.. Weights.Select(static weight => new FairClock.Account(weight))];

    private readonly FairClock _clock = new();
    private long _sequence;

    public int Count { get; private set; }

    /// <summary>The class that is served next.</summary>
    public PriorityClass Next => (PriorityClass)NextOf(static _ => true);

    /// <summary>Callers of which something is kept, besides the anonymous one; each class counts them anew.</summary>
    public int KnownCallers => _classes.Sum(static members => members.Known);

    /// <param name="key">When it is wanted: the smallest first.</param>
    /// <param name="caller">Who shares with others, told apart by reference; null is the anonymous one.</param>
    public Entry Add(T item, PriorityClass priority, long key, object? caller = null)
    {
        var index = (int)priority;
        if (_classes[index].IsEmpty)
        {
            _clock.Join(_accounts[index]);
        }

        Count++;
        return _classes[index].Add(caller, item, priority, key, _sequence++);
    }

    public void Remove(Entry entry)
    {
        if (_classes[(int)entry.Priority].Remove(entry))
        {
            Count--;
        }
    }

    /// <summary>All items: those of the class whose turn it is, then those of the others that may fill up its
    /// batch.</summary>
    public IEnumerable<Entry> InTurn()
    {
        var served = 0;
        for (var left = _classes.Count(static members => !members.IsEmpty); left > 0; left--)
        {
            var index = NextOf(candidate => (served & (1 << candidate)) == 0);
            served |= 1 << index;
            foreach (var entry in _classes[index].InTurn())
            {
                yield return entry;
            }
        }
    }

    /// <summary>Puts the cost of a service on the accounts of the item's class and caller; before it is removed, as a
    /// caller without items may be forgotten.</summary>
    public void Charge(Entry entry, double cost)
    {
        _clock.Charge(_accounts[(int)entry.Priority], cost);
        _classes[(int)entry.Priority].Charge(entry, cost);
    }

    private int NextOf(Func<int, bool> isCandidate)
    {
        var best = -1;
        for (var index = _classes.Length - 1; index >= 0; index--)
        {
            if (!_classes[index].IsEmpty && isCandidate(index)
                && (best < 0 || _accounts[index].Used < _accounts[best].Used))
            {
                best = index;
            }
        }

        return Math.Max(best, 0);
    }

    /// <summary>An item and its place.</summary>
    internal sealed record Entry(
        T Item, PriorityClass Priority, long Key, long Sequence, CallerQueue<T>.Account Account);
}
