namespace VisionService.Segmentation;

/// <content>Sets of pixels, without unfolding them.</content>
internal sealed partial record RleMask
{
    /// <summary>The pixels that are in both.</summary>
    public RleMask Intersect(RleMask other) => Merge(other, isUnion: false);

    /// <summary>The pixels that are in either.</summary>
    public RleMask Union(RleMask other) => Merge(other, isUnion: true);

    /// <summary>The share of the union that lies in both, 0-1; 0 for two empty masks.</summary>
    /// <param name="truth">The labelled mask.</param>
    /// <param name="isCrowd">The label stands for a crowd: the intersection is measured by this mask's area alone,
    /// since one
    /// detection is not meant to cover it (COCO).</param>
    public double IoU(RleMask truth, bool isCrowd = false)
    {
        var both = Overlap(truth);
        var whole = isCrowd ? Area : Area + truth.Area - both;
        return whole == 0 ? 0 : (double)both / whole;
    }

    /// <summary>How many pixels are in both.</summary>
    public long Overlap(RleMask other)
    {
        var area = 0L;
        foreach (var (length, a, b) in new Walk(this, other))
        {
            area += a && b ? length : 0;
        }

        return area;
    }

    private RleMask Merge(RleMask other, bool isUnion)
    {
        var runs = new RunLengths(Counts.Length + other.Counts.Length);
        var (position, current) = (0, false);
        foreach (var (length, a, b) in new Walk(this, other))
        {
            if ((isUnion ? a || b : a && b) != current)
            {
                current = !current;
                runs.ChangeAt(position);
            }

            position += length;
        }

        return new RleMask(Width, Height, runs.Close(position));
    }

    /// <summary>The runs over which neither of two masks changes.</summary>
    private struct Walk
    {
        private readonly int[] _a;
        private readonly int[] _b;
        private int _nextA;
        private int _nextB;
        private int _leftA;
        private int _leftB;

        public Walk(RleMask a, RleMask b)
        {
            if ((a.Width, a.Height) != (b.Width, b.Height))
            {
                throw new ArgumentException("The masks belong to images of different sizes.", nameof(b));
            }

            (_a, _b) = (a.Counts, b.Counts);
        }

        public (int Length, bool InA, bool InB) Current { get; private set; }

        public readonly Walk GetEnumerator() => this;

        public bool MoveNext()
        {
            // Only the first run and those of merged polygons may be empty.
            while (_leftA == 0 && _nextA < _a.Length)
            {
                _leftA = _a[_nextA++];
            }

            while (_leftB == 0 && _nextB < _b.Length)
            {
                _leftB = _b[_nextB++];
            }

            var length = Math.Min(_leftA, _leftB);
            Current = (length, _nextA % 2 == 0, _nextB % 2 == 0);
            (_leftA, _leftB) = (_leftA - length, _leftB - length);
            return length > 0;
        }
    }
}
