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
/// moves on too while higher ones are always waiting; within a class the smallest key is first, then who came first.
/// Not thread-safe.
/// </summary>
internal sealed class FairQueue<T>
{
    private static readonly double[] Weights = [1, 8, 32, 128];

    private readonly SortedSet<Entry>[] _classes;
    private readonly double[] _used = new double[Weights.Length];
    private double _now;
    private long _sequence;

    public FairQueue() => _classes = [.. Weights.Select(static _ => new SortedSet<Entry>(Order.Instance))];

    public int Count { get; private set; }

    /// <summary>The class that is served next.</summary>
    public PriorityClass Next => (PriorityClass)NextOf(static _ => true);

    /// <param name="key">When it is wanted: the smallest first.</param>
    public Entry Add(T item, PriorityClass priority, long key)
    {
        var index = (int)priority;
        if (_classes[index].Count == 0)
        {
            // Who was away saves nothing up.
            _used[index] = Math.Max(_used[index], _now);
        }

        var entry = new Entry(item, priority, key, _sequence++);
        _classes[index].Add(entry);
        Count++;
        return entry;
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
        for (var left = _classes.Count(static members => members.Count > 0); left > 0; left--)
        {
            var index = NextOf(candidate => (served & (1 << candidate)) == 0);
            served |= 1 << index;
            foreach (var entry in _classes[index])
            {
                yield return entry;
            }
        }
    }

    /// <summary>Puts the cost of a service on its class's account.</summary>
    public void Charge(PriorityClass priority, double cost)
    {
        _now = Math.Max(_now, _used[(int)priority]);
        _used[(int)priority] += cost / Weights[(int)priority];
    }

    private int NextOf(Func<int, bool> isCandidate)
    {
        var best = -1;
        for (var index = _classes.Length - 1; index >= 0; index--)
        {
            if (_classes[index].Count > 0 && isCandidate(index) && (best < 0 || _used[index] < _used[best]))
            {
                best = index;
            }
        }

        return Math.Max(best, 0);
    }

    /// <summary>An item and its place.</summary>
    internal sealed record Entry(T Item, PriorityClass Priority, long Key, long Sequence);

    private sealed class Order : IComparer<Entry>
    {
        public static readonly Order Instance = new();

        public int Compare(Entry? x, Entry? y)
        {
            var byKey = x!.Key.CompareTo(y!.Key);
            return byKey != 0 ? byKey : x.Sequence.CompareTo(y.Sequence);
        }
    }
}
