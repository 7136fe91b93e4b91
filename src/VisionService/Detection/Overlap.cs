using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace VisionService.Detection;

/// <summary>
/// How much two boxes overlap: 1 when they are equal, 0 (or less, <see cref="DistanceIoU"/>) when they do not touch.
/// One box against one, and one against eight: the same operations in the same order, so both give the same bits.
/// </summary>
internal interface IOverlap
{
    static abstract float Of(Box a, Box b);

    static abstract Vector256<float> Of(in Boxes a, in Boxes b);
}

/// <summary>Intersection over union. NaN, which no comparison holds true, for two boxes without area.</summary>
internal readonly struct IoU : IOverlap
{
    public static float Of(Box a, Box b)
    {
        var intersection = Intersection.Of(a, b);
        return intersection / (a.Area + b.Area - intersection);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Of(in Boxes a, in Boxes b)
    {
        var intersection = Intersection.Of(a, b);
        return intersection / (a.Area + b.Area - intersection);
    }
}

/// <summary>Intersection over the smaller area: 1 when one box lies within the other. For parts of one object cut by
/// tiles.</summary>
internal readonly struct IntersectionOverSmaller : IOverlap
{
    public static float Of(Box a, Box b) => Intersection.Of(a, b) / MathF.Min(a.Area, b.Area);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Of(in Boxes a, in Boxes b) =>
        Intersection.Of(a, b) / Vector256.Min(a.Area, b.Area);
}

/// <summary>IoU less the squared distance of the centres over the squared diagonal of the box around both; -1 to
/// 1.</summary>
/// <remarks>Zheng et al., Distance-IoU Loss, 2020.</remarks>
internal readonly struct DistanceIoU : IOverlap
{
    public static float Of(Box a, Box b)
    {
        var width = MathF.Max(a.XMax, b.XMax) - MathF.Min(a.XMin, b.XMin);
        var height = MathF.Max(a.YMax, b.YMax) - MathF.Min(a.YMin, b.YMin);
        var x = (a.XMin + a.XMax - b.XMin - b.XMax) * 0.5f;
        var y = (a.YMin + a.YMax - b.YMin - b.YMax) * 0.5f;
        return IoU.Of(a, b) - (((x * x) + (y * y)) / ((width * width) + (height * height)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Of(in Boxes a, in Boxes b)
    {
        var width = Vector256.Max(a.XMax, b.XMax) - Vector256.Min(a.XMin, b.XMin);
        var height = Vector256.Max(a.YMax, b.YMax) - Vector256.Min(a.YMin, b.YMin);
        var half = Vector256.Create(0.5f);
        var x = (a.XMin + a.XMax - b.XMin - b.XMax) * half;
        var y = (a.YMin + a.YMax - b.YMin - b.YMax) * half;
        return IoU.Of(a, b) - (((x * x) + (y * y)) / ((width * width) + (height * height)));
    }
}

/// <summary>The area that two boxes share, in square pixels.</summary>
internal static class Intersection
{
    public static float Of(Box a, Box b)
    {
        var width = MathF.Max(0, MathF.Min(a.XMax, b.XMax) - MathF.Max(a.XMin, b.XMin));
        var height = MathF.Max(0, MathF.Min(a.YMax, b.YMax) - MathF.Max(a.YMin, b.YMin));
        return width * height;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Of(in Boxes a, in Boxes b)
    {
        var width = Vector256.Max(
            Vector256<float>.Zero, Vector256.Min(a.XMax, b.XMax) - Vector256.Max(a.XMin, b.XMin));
        var height = Vector256.Max(
            Vector256<float>.Zero, Vector256.Min(a.YMax, b.YMax) - Vector256.Max(a.YMin, b.YMin));
        return width * height;
    }
}
