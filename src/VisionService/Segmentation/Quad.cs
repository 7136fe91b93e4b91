using System.Numerics;
using System.Runtime.Intrinsics;

namespace VisionService.Segmentation;

/// <summary>The scores of all classes in four neighbouring cells.</summary>
internal readonly ref struct Quad(
    ReadOnlySpan<float> topLeft, ReadOnlySpan<float> topRight,
    ReadOnlySpan<float> bottomLeft, ReadOnlySpan<float> bottomRight)
{
    /// <summary>How many classes are looked at together.</summary>
    public const int Lanes = 8;

    public readonly ReadOnlySpan<float> TopLeft = topLeft;
    public readonly ReadOnlySpan<float> TopRight = topRight;
    public readonly ReadOnlySpan<float> BottomLeft = bottomLeft;
    public readonly ReadOnlySpan<float> BottomRight = bottomRight;

    /// <summary>Lists the classes that may win somewhere between the cells, in ascending order.</summary>
    /// <param name="highest">Room for a number per class, a multiple of <see cref="Lanes"/>; negative infinity behind
    /// the last class.</param>
    /// <returns>How many: at least one.</returns>
    public int Survivors(Span<float> highest, Span<int> survivors)
    {
        var classes = TopLeft.Length;
        var bound = Vector256.Create(HighestFloor(highest));
        var count = 0;
        for (var c = 0; c < highest.Length; c += Lanes)
        {
            // Not "at least": a score that is no number must leave a survivor, too.
            var lost = Vector256.LessThan(Vector256.Create(highest.Slice(c, Lanes)), bound);
            for (var bits = ~lost.ExtractMostSignificantBits() & 0xFF; bits != 0; bits &= bits - 1)
            {
                var survivor = c + BitOperations.TrailingZeroCount(bits);
                if (survivor < classes)
                {
                    survivors[count++] = survivor;
                }
            }
        }

        return count;
    }

    /// <summary>A score that some class reaches everywhere: the best of the classes' lowest corners.</summary>
    /// <param name="highest">Becomes each class's highest corner.</param>
    private float HighestFloor(Span<float> highest)
    {
        var floor = float.NegativeInfinity;
        var classes = TopLeft.Length;
        if (classes < Lanes)
        {
            for (var c = 0; c < classes; c++)
            {
                var (a, b, d, e) = (TopLeft[c], TopRight[c], BottomLeft[c], BottomRight[c]);
                highest[c] = MathF.Max(MathF.Max(a, b), MathF.Max(d, e));
                floor = MathF.Max(floor, MathF.Min(MathF.Min(a, b), MathF.Min(d, e)));
            }

            return floor;
        }

        var floors = Vector256.Create(floor);
        for (var c = 0; c < classes; c += Lanes) // the last eight may overlap those before
        {
            floors = Vector256.Max(floors, Extremes(Math.Min(c, classes - Lanes), highest));
        }

        for (var lane = 0; lane < Lanes; lane++)
        {
            floor = MathF.Max(floor, floors[lane]);
        }

        return floor;
    }

    /// <summary>The lowest corners of eight classes; their highest go to <paramref name="highest"/>.</summary>
    private Vector256<float> Extremes(int c, Span<float> highest)
    {
        var (a, b) = (Vector256.Create(TopLeft[c..]), Vector256.Create(TopRight[c..]));
        var (d, e) = (Vector256.Create(BottomLeft[c..]), Vector256.Create(BottomRight[c..]));
        Vector256.Max(Vector256.Max(a, b), Vector256.Max(d, e)).CopyTo(highest[c..]);
        return Vector256.Min(Vector256.Min(a, b), Vector256.Min(d, e));
    }
}
