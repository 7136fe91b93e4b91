using System.Buffers;
using System.Numerics;

namespace VisionService.Segmentation;

/// <summary>A mask as COCO writes it: run lengths down the columns, the first of zeros (and 0 where the image starts
/// with a one).</summary>
/// <param name="Width">Width of the image in pixels.</param>
/// <param name="Height">Height of the image in pixels.</param>
/// <param name="Counts">Run lengths; they add up to <c>Width * Height</c>.</param>
/// <remarks>Source: the COCO API's mask code (Lin, Dollár), whose counts and strings these equal.</remarks>
internal sealed partial record RleMask(int Width, int Height, int[] Counts)
{
    /// <summary>How many pixels are set.</summary>
    public long Area
    {
        get
        {
            var area = 0L;
            for (var i = 1; i < Counts.Length; i += 2)
            {
                area += Counts[i];
            }

            return area;
        }
    }

    /// <summary>Encodes a mask of an image of this size, without unfolding it.</summary>
    /// <remarks>A run starts or ends where a pixel differs from the one above: found 64 columns at a time, then sorted
    /// into columns by counting.</remarks>
    public static RleMask Encode(InstanceMask mask, int width, int height)
    {
        if (mask.Left < 0 || mask.Top < 0 || mask.Left + mask.Width > width || mask.Top + mask.Height > height)
        {
            throw new ArgumentException($"The mask lies outside the {width} x {height} image.", nameof(mask));
        }

        if (mask.Height == 0)
        {
            return new RleMask(width, height, [checked(width * height)]);
        }

        var columns = ArrayPool<int>.Shared.Rent(mask.Width + 1);
        var changes = Array.Empty<int>();
        try
        {
            // 1. How many changes there are in the columns before each: where the column's own will be written.
            var next = columns.AsSpan(0, mask.Width + 1);
            next.Clear();
            Scan(mask, next[1..], null);
            for (var x = 1; x < next.Length; x++)
            {
                next[x] += next[x - 1];
            }

            // 2. The row of each change, column by column; afterwards each column's end stands in its place.
            var total = next[^1];
            changes = ArrayPool<int>.Shared.Rent(total);
            Scan(mask, next, changes);

            // 3. Positions to lengths.
            var runs = new RunLengths(total + 1);
            for (int x = 0, i = 0; x < mask.Width; x++)
            {
                var column = ((mask.Left + x) * height) + mask.Top;
                for (; i < next[x]; i++)
                {
                    runs.ChangeAt(column + changes[i]);
                }
            }

            return new RleMask(width, height, runs.Close(checked(width * height)));
        }
        finally
        {
            ArrayPool<int>.Shared.Return(columns);
            ArrayPool<int>.Shared.Return(changes);
        }
    }

    /// <summary>All the pixels as a raster of the whole image.</summary>
    public InstanceMask Decode()
    {
        var mask = new InstanceMask(0, 0, Width, Height);
        var position = 0;
        for (var i = 0; i < Counts.Length; position += Counts[i++])
        {
            for (var p = position; i % 2 == 1 && p < position + Counts[i]; p++)
            {
                var (x, y) = Math.DivRem(p, Height);
                mask.Row(y)[x >> 6] |= 1UL << (x & 63);
            }
        }

        return mask;
    }

    public bool Equals(RleMask? other) =>
        other is not null && (Width, Height) == (other.Width, other.Height)
        && Counts.AsSpan().SequenceEqual(other.Counts);

    public override int GetHashCode() => HashCode.Combine(Width, Height, Counts.Length, Counts[^1]);

    /// <summary>Counts the changes of each column; with <paramref name="changes"/>, writes their rows from
    /// <paramref name="columns"/>' positions on instead, which move along.</summary>
    private static void Scan(InstanceMask mask, Span<int> columns, int[]? changes)
    {
        for (var y = 0; y <= mask.Height; y++)
        {
            var above = y > 0 ? mask.Row(y - 1) : mask.Row(0);
            var below = y < mask.Height ? mask.Row(y) : above;
            for (var word = 0; word < below.Length; word++)
            {
                // Over the first row and under the last there is nothing.
                var bits = y == 0 || y == mask.Height ? below[word] : above[word] ^ below[word];
                for (; bits != 0; bits &= bits - 1)
                {
                    var place = columns[(word * 64) + BitOperations.TrailingZeroCount(bits)]++;
                    if (changes is not null)
                    {
                        changes[place] = y;
                    }
                }
            }
        }
    }

    /// <summary>Collects the positions where zeros and ones change.</summary>
    private struct RunLengths(int capacity)
    {
        private readonly List<int> _counts = new(capacity);
        private int _last;

        /// <param name="position">Not below the last one; the same again takes the last change back.</param>
        public void ChangeAt(int position)
        {
            if (_counts.Count > 0 && position == _last)
            {
                _last -= _counts[^1];
                _counts.RemoveAt(_counts.Count - 1);
            }
            else
            {
                _counts.Add(position - _last);
                _last = position;
            }
        }

        /// <summary>The counts of an image of <paramref name="length"/> pixels, of which the last run may be the
        /// rest.</summary>
        public readonly int[] Close(int length)
        {
            if (_last < length)
            {
                _counts.Add(length - _last);
            }

            return [.. _counts];
        }
    }
}
