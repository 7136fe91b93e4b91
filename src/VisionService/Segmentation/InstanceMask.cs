using System.Numerics;
using System.Runtime.Intrinsics;

namespace VisionService.Segmentation;

/// <summary>The pixels of one object: a bit raster limited to a rectangle of the upright image.</summary>
/// <param name="left">Column of the image where the raster starts.</param>
/// <param name="top">Row of the image where the raster starts.</param>
internal sealed class InstanceMask(int left, int top, int width, int height)
{
    // One bit more than the width at least: contours and runs end in a bit that is never set.
    private readonly int _stride = (width / 64) + 1;
    private readonly ulong[] _bits = new ulong[checked(((width / 64) + 1) * height)];

    public int Left { get; } = left;

    public int Top { get; } = top;

    public int Width { get; } = width;

    public int Height { get; } = height;

    /// <summary>How many pixels are set.</summary>
    public long Area
    {
        get
        {
            var area = 0L;
            foreach (var word in _bits)
            {
                area += BitOperations.PopCount(word);
            }

            return area;
        }
    }

    /// <summary>The pixel at column <paramref name="x"/> and row <paramref name="y"/> of the raster.</summary>
    public bool this[int x, int y] => (_bits[(y * _stride) + (x >> 6)] >> (x & 63) & 1) != 0;

    /// <summary>Row <paramref name="y"/>: column x is bit x % 64 of word x / 64; bits from the width on stay
    /// clear.</summary>
    public Span<ulong> Row(int y) => _bits.AsSpan(y * _stride, _stride);

    /// <summary>The pixels of a map that have this id, in the smallest raster that holds them.</summary>
    public static InstanceMask Of(LabelMap map, ushort id)
    {
        var mask = new InstanceMask(0, 0, map.Width, map.Height);
        for (var y = 0; y < map.Height; y++)
        {
            ReadOnlySpan<ushort> ids = map.Row(y);
            for (int x = 0, run; x < ids.Length; x += run)
            {
                var same = ids[x] == id;
                run = same ? ids[x..].IndexOfAnyExcept(id) : ids[x..].IndexOf(id);
                run = run < 0 ? ids.Length - x : run;
                if (same)
                {
                    mask.Set(y, x, x + run);
                }
            }
        }

        return mask.Trim();
    }

    /// <summary>The pixels of either mask.</summary>
    public static InstanceMask Union(InstanceMask a, InstanceMask b)
    {
        var (left, top) = (Math.Min(a.Left, b.Left), Math.Min(a.Top, b.Top));
        var right = Math.Max(a.Left + a.Width, b.Left + b.Width);
        var bottom = Math.Max(a.Top + a.Height, b.Top + b.Height);
        var union = new InstanceMask(left, top, right - left, bottom - top);
        foreach (var mask in (ReadOnlySpan<InstanceMask>)[a, b])
        {
            for (var y = 0; y < mask.Height; y++)
            {
                foreach (var (start, end) in mask.Runs(y))
                {
                    union.Set(mask.Top + y - top, mask.Left + start - left, mask.Left + end - left);
                }
            }
        }

        return union;
    }

    /// <summary>Sets the columns <c>[start, end)</c> of row <paramref name="y"/>.</summary>
    public void Set(int y, int start, int end)
    {
        var row = Row(y);
        for (var x = start; x < end;)
        {
            var count = Math.Min(64 - (x & 63), end - x);
            row[x >> 6] |= (ulong.MaxValue >> (64 - count)) << (x & 63);
            x += count;
        }
    }

    /// <summary>Sets the pixels of row <paramref name="y"/> whose value is above <paramref
    /// name="threshold"/>.</summary>
    public void SetAbove(int y, ReadOnlySpan<float> values, float threshold)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(values.Length, Width);
        var row = Row(y);
        var thresholds = Vector256.Create(threshold);
        var x = 0;
        for (; x <= values.Length - 8; x += 8)
        {
            var above = Vector256.GreaterThan(Vector256.Create(values.Slice(x, 8)), thresholds);
            row[x >> 6] |= (ulong)above.ExtractMostSignificantBits() << (x & 63);
        }

        for (; x < values.Length; x++)
        {
            row[x >> 6] |= values[x] > threshold ? 1UL << (x & 63) : 0;
        }
    }

    /// <summary>The runs of set pixels of row <paramref name="y"/>, left to right.</summary>
    public RowRuns Runs(int y) => new(Row(y));

    /// <summary>The same pixels in the smallest raster that holds them; 0 by 0 where there are none.</summary>
    public InstanceMask Trim()
    {
        var (minX, maxX, minY, maxY) = (Width, -1, Height, -1);
        for (var y = 0; y < Height; y++)
        {
            var row = Row(y);
            var first = row.IndexOfAnyExcept(0UL);
            if (first < 0)
            {
                continue;
            }

            var last = row.LastIndexOfAnyExcept(0UL);
            minX = Math.Min(minX, (first * 64) + BitOperations.TrailingZeroCount(row[first]));
            maxX = Math.Max(maxX, (last * 64) + 63 - BitOperations.LeadingZeroCount(row[last]));
            (minY, maxY) = (Math.Min(minY, y), y);
        }

        if (maxX < 0)
        {
            return new InstanceMask(Left, Top, 0, 0);
        }

        if ((minX, minY, maxX, maxY) == (0, 0, Width - 1, Height - 1))
        {
            return this;
        }

        var trimmed = new InstanceMask(Left + minX, Top + minY, maxX - minX + 1, maxY - minY + 1);
        for (var y = 0; y < trimmed.Height; y++)
        {
            foreach (var (start, end) in Runs(minY + y))
            {
                trimmed.Set(y, start - minX, end - minX);
            }
        }

        return trimmed;
    }

    /// <summary>How many pixels are set in both of two rasters of the same rectangle.</summary>
    public long Intersection(InstanceMask other)
    {
        if ((Left, Top, Width, Height) != (other.Left, other.Top, other.Width, other.Height))
        {
            throw new ArgumentException("The masks cover different rectangles.", nameof(other));
        }

        var area = 0L;
        for (var i = 0; i < _bits.Length; i++)
        {
            area += BitOperations.PopCount(_bits[i] & other._bits[i]);
        }

        return area;
    }
}
