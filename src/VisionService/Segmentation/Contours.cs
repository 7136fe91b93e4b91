using System.Buffers;
using System.Numerics;

namespace VisionService.Segmentation;

/// <summary>The outlines of a mask along its pixels' edges: the rings around its parts and around its holes.</summary>
/// <remarks>
/// Every corner of such an outline joins one horizontal and one vertical edge, so the corners of a row of vertices pair
/// up from left to right, and those of a column from top to bottom; a ring alternates between both pairings. Where two
/// pixels touch by a corner only, two corners lie on one spot: the parts stay apart (4-connected), the rings never
/// cross.
/// </remarks>
internal static class Contours
{
    /// <summary>Exact rings in pixels of the image, without repeated end points and without straight angles.</summary>
    /// <returns>Rings for the even-odd rule; outer ones run clockwise on the screen, holes the other way
    /// round.</returns>
    public static List<PolygonRing> Trace(InstanceMask mask)
    {
        var corners = Corners(mask);
        var acrossTo = ColumnPartners(corners, mask.Width);
        var visited = new BitRow(corners.Count);
        var rings = new List<PolygonRing>();
        for (var first = 0; first < corners.Count; first++)
        {
            if (visited[first])
            {
                continue;
            }

            var points = new List<Vector2>();
            for (var at = first; !visited[at]; at = acrossTo[at ^ 1])
            {
                visited.Set(at);
                visited.Set(at ^ 1); // pairs of a row are neighbours in the list
                points.Add(Point(mask, corners[at]));
                points.Add(Point(mask, corners[at ^ 1]));
            }

            // The first corner met is a ring's uppermost leftmost one: from there we went right, along the upper edge
            // of
            // what is inside. In a hole the mask is on the other side.
            var (x, y) = (corners[first].X, corners[first].Y);
            if (y >= mask.Height || !mask[x, y])
            {
                points.Reverse(1, points.Count - 1);
            }

            rings.Add(new PolygonRing([.. points]));
        }

        ArrayPool<int>.Shared.Return(acrossTo);
        return rings;
    }

    private static Vector2 Point(InstanceMask mask, Corner corner) => new(mask.Left + corner.X, mask.Top + corner.Y);

    /// <summary>The corners row by row, left to right.</summary>
    private static List<Corner> Corners(InstanceMask mask)
    {
        var corners = new List<Corner>();
        for (var y = 0; y <= mask.Height; y++)
        {
            var above = y > 0 ? mask.Row(y - 1) : default;
            var below = y < mask.Height ? mask.Row(y) : default;
            var (edgeBefore, belowBefore) = (0UL, 0UL); // the highest bits of the word before
            for (var word = 0; word < Math.Max(above.Length, below.Length); word++)
            {
                var inside = below.IsEmpty ? 0 : below[word];
                var edge = inside ^ (above.IsEmpty ? 0 : above[word]); // horizontal edges under or over these pixels
                var edgeToTheLeft = (edge << 1) | edgeBefore;
                var ends = edge ^ edgeToTheLeft;
                var touches = edge & edgeToTheLeft & (inside ^ ((inside << 1) | belowBefore));
                (edgeBefore, belowBefore) = (edge >> 63, inside >> 63);
                for (var bits = ends | touches; bits != 0; bits &= bits - 1)
                {
                    var x = (word * 64) + BitOperations.TrailingZeroCount(bits);
                    var bit = bits & (0 - bits);
                    var isTouch = (touches & bit) != 0;

                    // The edge from the left turns down where the pixel to the lower left is set, and its twin up.
                    corners.Add(new Corner(x, y, TwinIsAbove: isTouch && (inside & bit) == 0));
                    if (isTouch)
                    {
                        corners.Add(new Corner(x, y, TwinIsAbove: false));
                    }
                }
            }
        }

        return corners;
    }

    /// <summary>For each corner the one at the other end of its vertical edge; rented.</summary>
    private static int[] ColumnPartners(List<Corner> corners, int width)
    {
        const int None = -1;
        var partners = ArrayPool<int>.Shared.Rent(corners.Count);
        var open = ArrayPool<int>.Shared.Rent(width + 1); // the corner whose vertical edge reaches down to this row
        open.AsSpan(0, width + 1).Fill(None);
        for (var i = 0; i < corners.Count; i++)
        {
            // Of two on one spot the one that turns up closes the edge from above before its twin opens the next.
            if (corners[i].TwinIsAbove)
            {
                Join(i + 1);
                Join(i++);
            }
            else
            {
                Join(i);
            }
        }

        ArrayPool<int>.Shared.Return(open);
        return partners;

        void Join(int corner)
        {
            ref var waiting = ref open[corners[corner].X];
            if (waiting == None)
            {
                waiting = corner;
            }
            else
            {
                (partners[corner], partners[waiting]) = (waiting, corner);
                waiting = None;
            }
        }
    }

    /// <param name="TwinIsAbove">The next corner lies on the same spot and has the vertical edge that leads up.</param>
    private readonly record struct Corner(int X, int Y, bool TwinIsAbove);

    private readonly struct BitRow(int length)
    {
        private readonly ulong[] _bits = new ulong[(length / 64) + 1];

        public bool this[int i] => (_bits[i >> 6] >> (i & 63) & 1) != 0;

        public void Set(int i) => _bits[i >> 6] |= 1UL << (i & 63);
    }
}
