using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace VisionService.Detection;

/// <summary>An upright rectangle in pixels, fractional; the maxima are exclusive, so a box around one pixel has width
/// 1.</summary>
internal readonly record struct Box(float XMin, float YMin, float XMax, float YMax)
{
    public float Width => XMax - XMin;

    public float Height => YMax - YMin;

    public float Area => Width * Height;

    /// <summary>The box around a centre.</summary>
    public static Box Around(float x, float y, float width, float height) =>
        new(x - (width / 2), y - (height / 2), x + (width / 2), y + (height / 2));

    /// <summary>The smallest box that holds both.</summary>
    public Box Union(Box other) => new(
        Math.Min(XMin, other.XMin), Math.Min(YMin, other.YMin), Math.Max(XMax, other.XMax), Math.Max(YMax, other.YMax));
}

/// <summary>Eight boxes side by side, one per lane.</summary>
internal readonly ref struct Boxes(Vector256<float> xMin, Vector256<float> yMin, Vector256<float> xMax, Vector256<float> yMax)
{
    public const int Count = 8;

    public readonly Vector256<float> XMin = xMin;
    public readonly Vector256<float> YMin = yMin;
    public readonly Vector256<float> XMax = xMax;
    public readonly Vector256<float> YMax = yMax;

    public Vector256<float> Area
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (XMax - XMin) * (YMax - YMin);
    }

    /// <summary>One box in every lane.</summary>
    public static Boxes Repeat(Box box) => new(
        Vector256.Create(box.XMin), Vector256.Create(box.YMin), Vector256.Create(box.XMax), Vector256.Create(box.YMax));
}
