using System.Numerics;

namespace VisionService.Segmentation;

/// <summary>A closed line; the last point joins the first.</summary>
/// <param name="Points">In pixels of the upright image: (0, 0) is the outer corner of the first pixel.</param>
internal sealed record PolygonRing(Vector2[] Points)
{
    /// <summary>The same ring with fewer points, none of which it leaves by more than <paramref name="tolerance"/>
    /// pixels.</summary>
    /// <remarks>Douglas and Peucker (1973), on the two halves between the first point and the one farthest from
    /// it.</remarks>
    public PolygonRing Simplify(float tolerance)
    {
        if (tolerance <= 0 || Points.Length <= 4)
        {
            return this;
        }

        var keep = new bool[Points.Length + 1];
        var far = Farthest(0, Points.Length).Index;
        (keep[0], keep[far]) = (true, true);
        var open = new Stack<(int First, int Last)>([(0, far), (far, Points.Length)]);
        while (open.TryPop(out var part))
        {
            var (index, distance) = Farthest(part.First, part.Last);
            if (distance > tolerance)
            {
                keep[index] = true;
                open.Push((part.First, index));
                open.Push((index, part.Last));
            }
        }

        var points = Points.Where((_, i) => keep[i]).ToArray();
        return points.Length > 2 ? new PolygonRing(points) : this;
    }

    /// <summary>The point between two others that lies farthest from the line between them.</summary>
    private (int Index, float Distance) Farthest(int first, int last)
    {
        var (a, b) = (Points[first], Points[last % Points.Length]);
        var direction = b - a;
        var length = direction.LengthSquared();
        var best = (Index: first, Distance: -1f);
        for (var i = first + 1; i < last; i++)
        {
            var offset = Points[i] - a;
            var along = length > 0 ? Math.Clamp(Vector2.Dot(offset, direction) / length, 0, 1) : 0;
            var distance = (offset - (direction * along)).LengthSquared();
            if (distance > best.Distance)
            {
                best = (i, distance);
            }
        }

        return (best.Index, MathF.Sqrt(MathF.Max(best.Distance, 0)));
    }
}
