using System.Collections.Concurrent;

namespace VisionService.Detection;

/// <summary>
/// The boxes that a decoder found, in columns: corners in pixels of the network's input, class id, score, the row of
/// the output they came from, and key points where the model has them. Keeps the best <c>limit</c>; among equal
/// scores, the first added.
/// </summary>
/// <remarks>Pooled: <see cref="Rent"/> and dispose. Grows to what a model needs and then allocates nothing. Not
/// thread-safe.</remarks>
internal sealed class Candidates : IDisposable
{
    /// <summary>More than any image holds, few enough that suppressing them stays a matter of milliseconds.</summary>
    public const int DefaultLimit = 10_000;

    private static readonly ConcurrentBag<Candidates> Pool = [];

    private readonly PriorityQueue<int, ulong> _worstFirst = new();
    private CandidateColumns _columns = new();
    private CandidateColumns _spare = new();
    private ulong[] _keys = [];
    private int[] _places = [];
    private ScoreFilter _filter = null!;
    private int _limit;
    private uint _arrivals;

    private Candidates()
    {
    }

    public int Count { get; private set; }

    /// <summary>How many key points each candidate has.</summary>
    public int KeyPointCount { get; private set; }

    /// <summary>What no class can pass below; decoders skip it before they compute anything else.</summary>
    public float MinScore => _filter.MinScore;

    public Span<float> XMin => _columns.XMin.AsSpan(0, Count);

    public Span<float> YMin => _columns.YMin.AsSpan(0, Count);

    public Span<float> XMax => _columns.XMax.AsSpan(0, Count);

    public Span<float> YMax => _columns.YMax.AsSpan(0, Count);

    public Span<float> Scores => _columns.Score.AsSpan(0, Count);

    public Span<int> ClassIds => _columns.ClassId.AsSpan(0, Count);

    /// <summary>Where in the output each candidate was: the anchor or query, by which its mask coefficients are
    /// found.</summary>
    public Span<int> Rows => _columns.Row.AsSpan(0, Count);

    public Box this[int index]
    {
        get => new(_columns.XMin[index], _columns.YMin[index], _columns.XMax[index], _columns.YMax[index]);
        set => (_columns.XMin[index], _columns.YMin[index], _columns.XMax[index], _columns.YMax[index])
            = (value.XMin, value.YMin, value.XMax, value.YMax);
    }

    /// <summary>An empty list; dispose of it to give it back.</summary>
    /// <param name="limit">How many to keep, at least 1.</param>
    public static Candidates Rent(ScoreFilter filter, int limit = DefaultLimit, int keyPointCount = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(keyPointCount);
        var candidates = Pool.TryTake(out var pooled) ? pooled : new Candidates();
        candidates._filter = filter;
        candidates._limit = limit;
        candidates.KeyPointCount = keyPointCount;
        candidates.Clear();
        return candidates;
    }

    public void Dispose() => Pool.Add(this);

    public void Clear()
    {
        (Count, _arrivals) = (0, 0);
        _worstFirst.Clear();
    }

    /// <summary>The key points of one candidate, in the model's order.</summary>
    public Span<KeyPoint> KeyPoints(int index) => _columns.KeyPoints.AsSpan(index * KeyPointCount, KeyPointCount);

    /// <summary>
    /// Adds a candidate, unless its class or score is not asked for, its box is not finite or has no width or no
    /// height, or there are better ones enough. Returns its key points to fill in; empty where it was refused or has
    /// none.
    /// </summary>
    /// <param name="row">Where in the output it was.</param>
    public Span<KeyPoint> Add(Box box, int classId, float score, int row)
    {
        // NaN holds no comparison true, and only a finite box has finite sides.
        var sound = box.Width > 0 && box.Height > 0 && float.IsFinite(box.Width) && float.IsFinite(box.Height);
        if (!sound || !_filter.Accepts(classId, score) || !float.IsFinite(score) || !TryPlace(score, out var slot))
        {
            return [];
        }

        this[slot] = box;
        _columns.Score[slot] = score;
        _columns.ClassId[slot] = classId;
        _columns.Row[slot] = row;
        return KeyPoints(slot);
    }

    /// <summary>Adds all of another list with the same key points, as they are.</summary>
    public void AddAll(Candidates other)
    {
        for (var i = 0; i < other.Count; i++)
        {
            var keyPoints = Add(other[i], other.ClassIds[i], other.Scores[i], other.Rows[i]);
            other.KeyPoints(i)[..keyPoints.Length].CopyTo(keyPoints);
        }
    }

    /// <summary>Orders by score, best first; equal scores in the order in which they were added.</summary>
    public void Sort()
    {
        _spare.Grow(_columns.Capacity, KeyPointCount);
        if (_keys.Length < Count)
        {
            (_keys, _places) = (new ulong[_columns.Capacity], new int[_columns.Capacity]);
        }

        var keys = _keys.AsSpan(0, Count);
        var places = _places.AsSpan(0, Count);
        for (var i = 0; i < places.Length; i++)
        {
            (keys[i], places[i]) = (_columns.Key[i], i);
        }

        keys.Sort(places);
        for (var i = 0; i < places.Length; i++)
        {
            _spare.Copy(_columns, places[i], i, KeyPointCount);
        }

        (_columns, _spare) = (_spare, _columns);
        _worstFirst.Clear(); // it spoke of the old places
    }

    /// <summary>Overwrites one candidate with another.</summary>
    public void Move(int from, int to)
    {
        if (from != to)
        {
            _columns.Copy(_columns, from, to, KeyPointCount);
        }
    }

    public void Swap(int first, int second)
    {
        _spare.Grow(_columns.Capacity, KeyPointCount);
        _spare.Copy(_columns, first, 0, KeyPointCount);
        Move(second, first);
        _columns.Copy(_spare, 0, second, KeyPointCount);
    }

    /// <summary>Forgets all but the first.</summary>
    public void Truncate(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count);
        Count = count;
        _worstFirst.Clear();
    }

    /// <summary>Whether one was added before the other.</summary>
    public bool IsEarlier(int first, int second) => (uint)_columns.Key[first] < (uint)_columns.Key[second];

    private bool TryPlace(float score, out int slot)
    {
        var key = CandidateColumns.KeyOf(score, _arrivals++);
        if (Count < _limit)
        {
            slot = Count++;
            if (slot >= _columns.Capacity || KeyPointCount * _columns.Capacity > _columns.KeyPoints.Length)
            {
                _columns.Grow(slot < _columns.Capacity ? 0 : Math.Max(64, _columns.Capacity * 2), KeyPointCount);
            }
        }
        else
        {
            for (var i = _worstFirst.Count; i < Count; i++)
            {
                _worstFirst.Enqueue(i, ~_columns.Key[i]);
            }

            slot = _worstFirst.Peek();
            if (key > _columns.Key[slot])
            {
                return false;
            }

            _worstFirst.DequeueEnqueue(slot, ~key);
        }

        _columns.Key[slot] = key;
        return true;
    }
}
