using System.Numerics;

namespace VisionService.Segmentation;

/// <summary>Masks as polygons and back.</summary>
internal static class Polygons
{
    /// <summary>How far in pixels a simplified outline may leave the exact one, by default.</summary>
    public const float DefaultTolerance = 1;

    /// <summary>The least overlap with its mask that a simplified polygon keeps.</summary>
    private const double MinIoU = 0.995;

    /// <summary>The rings of a mask for the even-odd rule, holes among them.</summary>
    /// <param name="tolerance">Pixels that the outline may be off; 0: along the pixels' edges, exactly.</param>
    /// <remarks>Where the tolerance costs a small mask more than half a percent (IoU), a finer one is taken.</remarks>
    public static List<PolygonRing> Of(InstanceMask mask, float tolerance = DefaultTolerance)
    {
        var exact = Contours.Trace(mask);
        var area = mask.Area;
        for (; tolerance >= 0.25f; tolerance /= 2)
        {
            var rings = exact.ConvertAll(ring => ring.Simplify(tolerance));
            var drawn = Fill(rings, mask.Left, mask.Top, mask.Width, mask.Height);
            var both = (double)drawn.Intersection(mask);
            if (both > MinIoU * (area + drawn.Area - both))
            {
                return rings;
            }
        }

        return exact;
    }

    /// <summary>The pixels of a rectangle of the image whose centres lie inside an odd number of rings.</summary>
    /// <remarks>Every edge toggles all that lies to its right; one running parity per row then fills it.</remarks>
    public static InstanceMask Fill(IReadOnlyList<PolygonRing> rings, int left, int top, int width, int height)
    {
        var mask = new InstanceMask(left, top, width, height);
        var origin = new Vector2(left, top);
        foreach (var ring in rings)
        {
            var before = ring.Points[^1] - origin;
            foreach (var point in ring.Points)
            {
                var next = point - origin;
                Toggle(mask, before, next);
                before = next;
            }
        }

        for (var y = 0; y < height; y++)
        {
            Accumulate(mask.Row(y), width);
        }

        return mask;
    }

    private static void Toggle(InstanceMask mask, Vector2 a, Vector2 b)
    {
        var (upper, lower) = a.Y <= b.Y ? (a, b) : (b, a);
        var first = Math.Max((int)MathF.Ceiling(upper.Y - 0.5f), 0);
        var end = Math.Min((int)MathF.Ceiling(lower.Y - 0.5f), mask.Height);
        for (var y = first; y < end; y++)
        {
            var x = upper.X + ((double)(lower.X - upper.X) * (y + 0.5 - upper.Y) / (lower.Y - upper.Y));
            var column = Math.Max((int)Math.Ceiling(x - 0.5), 0);
            if (column < mask.Width)
            {
                mask.Row(y)[column >> 6] ^= 1UL << (column & 63);
            }
        }
    }

    /// <summary>Sets each bit to the parity of the bits up to it.</summary>
    private static void Accumulate(Span<ulong> row, int width)
    {
        var carry = 0UL;
        foreach (ref var word in row)
        {
            for (var shift = 1; shift < 64; shift *= 2)
            {
                word ^= word << shift;
            }

            word ^= carry;
            carry = 0 - (word >> 63);
        }

        row[^1] &= ~(ulong.MaxValue << (width & 63));
    }
}
