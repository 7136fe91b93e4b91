namespace VisionService.Segmentation;

/// <summary>The pixels that the COCO API gives a labelled polygon; they differ by half a pixel here and there from
/// the centre rule.</summary>
/// <remarks>Source: the COCO API's <c>rleFrPoly</c>: the outline is walked on a grid five times as fine, and where it
/// steps
/// over the middle of a column of pixels, a run starts or ends.</remarks>
internal static class CocoPolygon
{
    private const double Scale = 5;

    /// <summary>The union of an object's polygons.</summary>
    /// <param name="polygons">Each x, y, x, y, ... in pixels.</param>
    public static RleMask EncodeAll(IEnumerable<IReadOnlyList<double>> polygons, int width, int height) =>
        polygons
            .Select(polygon => Encode(polygon, width, height))
            .Aggregate(new RleMask(width, height, [width * height]), (all, one) => all.Union(one));

    /// <summary>One polygon.</summary>
    /// <param name="polygon">x, y, x, y, ... in pixels.</param>
    public static RleMask Encode(IReadOnlyList<double> polygon, int width, int height)
    {
        var changes = new List<int>();
        var points = polygon.Count / 2;
        var before = points > 0 ? (X: Fine(polygon[0]), Y: Fine(polygon[1])) : default;
        for (var i = 0; i < points; i++)
        {
            var next = (i + 1) % points * 2;
            var end = (Fine(polygon[next]), Fine(polygon[next + 1]));
            foreach (var point in Line((Fine(polygon[i * 2]), Fine(polygon[(i * 2) + 1])), end))
            {
                if (point.X != before.X)
                {
                    Cross(before, point, width, height, changes);
                }

                before = point;
            }
        }

        changes.Sort();
        return Runs(changes, width, height);
    }

    private static int Fine(double coordinate) => (int)((Scale * coordinate) + 0.5);

    /// <summary>The grid points from one to another, both included, one per step along the longer axis.</summary>
    private static List<(int X, int Y)> Line((int X, int Y) from, (int X, int Y) to)
    {
        var (dx, dy) = (Math.Abs(to.X - from.X), Math.Abs(to.Y - from.Y));
        var isFlat = dx >= dy;
        var isBackward = isFlat ? from.X > to.X : from.Y > to.Y;
        var (start, end) = isBackward ? (to, from) : (from, to);
        var length = Math.Max(dx, dy);
        var slope = (double)(isFlat ? end.Y - start.Y : end.X - start.X) / length;
        var points = new List<(int X, int Y)>(length + 1);
        for (var step = 0; step <= length; step++)
        {
            var t = isBackward ? length - step : step;
            var rise = length == 0 ? 0 : slope * t;
            points.Add(isFlat
                ? (start.X + t, (int)(start.Y + rise + 0.5))
                : ((int)(start.X + rise + 0.5), start.Y + t));
        }

        return points;
    }

    private static void Cross((int X, int Y) a, (int X, int Y) b, int width, int height, List<int> changes)
    {
        var x = ((b.X < a.X ? b.X : b.X - 1) + 0.5) / Scale - 0.5;
        if (x == Math.Floor(x) && x >= 0 && x <= width - 1)
        {
            var y = Math.Ceiling(Math.Clamp(((Math.Min(a.Y, b.Y) + 0.5) / Scale) - 0.5, 0, height));
            changes.Add(((int)x * height) + (int)y);
        }
    }

    /// <summary>Positions to run lengths; two changes at one place cancel, and the two runs around them become
    /// one.</summary>
    private static RleMask Runs(List<int> changes, int width, int height)
    {
        var (counts, last, isEmpty) = (new List<int>(changes.Count + 1), 0, false);
        foreach (var change in changes.Append(width * height))
        {
            if (isEmpty)
            {
                (counts[^1], isEmpty) = (counts[^1] + change - last, false);
            }
            else if (change > last || counts.Count == 0)
            {
                counts.Add(change - last);
            }
            else
            {
                isEmpty = true;
            }

            last = change;
        }

        return new RleMask(width, height, [.. counts]);
    }
}
