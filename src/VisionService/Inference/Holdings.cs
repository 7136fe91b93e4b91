namespace VisionService.Inference;

/// <summary>What waits for a model, in all and by caller. Callers who hold nothing are not kept. Not
/// thread-safe.</summary>
internal sealed class Holdings
{
    private static readonly int Classes = Enum.GetValues<PriorityClass>().Length;

    // Nearly always the only one, so it is kept for good.
    private readonly Holding _anonymous = new();
    private readonly Dictionary<object, Holding> _named = new(ReferenceEqualityComparer.Instance);
    private readonly int[] _callersOf = new int[Classes];

    /// <summary>The sum over all callers.</summary>
    public Holding All { get; } = new();

    /// <summary>How many callers hold anything.</summary>
    public int Callers => _named.Count + (_anonymous.IsEmpty ? 0 : 1);

    /// <summary>What one caller holds, null being the anonymous one; null where a caller holds nothing.</summary>
    public Holding? Of(object? caller) => caller is null ? _anonymous : _named.GetValueOrDefault(caller);

    /// <summary>How many callers have anything waiting in a class.</summary>
    public int CallersOf(PriorityClass priority) => _callersOf[(int)priority];

    public void Change(object? caller, PriorityClass priority, int images = 0, int places = 0, long bytes = 0)
    {
        var own = Of(caller);
        if (own is null)
        {
            _named.Add(caller!, own = new Holding());
        }

        var waited = own.In(priority) > 0;
        own.Change(priority, images, places, bytes);
        All.Change(priority, images, places, bytes);
        _callersOf[(int)priority] += (own.In(priority) > 0 ? 1 : 0) - (waited ? 1 : 0);
        if (caller is not null && own.IsEmpty)
        {
            _named.Remove(caller);
        }
    }

    internal sealed class Holding
    {
        private readonly int[] _byClass = new int[Classes];

        /// <summary>Images and further items that wait.</summary>
        public int Images { get; private set; }

        /// <summary>Those of them that were asked for a place first.</summary>
        public int Places { get; private set; }

        /// <summary>What requests hold in memory until they are answered.</summary>
        public long Bytes { get; private set; }

        public bool IsEmpty => Images == 0 && Bytes == 0;

        public int In(PriorityClass priority) => _byClass[(int)priority];

        public void Change(PriorityClass priority, int images, int places, long bytes)
        {
            _byClass[(int)priority] += images;
            Images += images;
            Places += places;
            Bytes += bytes;
        }
    }
}
