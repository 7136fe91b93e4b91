using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace VisionService.Detection;

/// <summary>How duplicates are dropped: the values of the API's <c>nms</c>.</summary>
internal enum SuppressionMethod
{
    /// <summary>Greedy; classes never suppress each other. The default.</summary>
    Class,

    /// <summary>Greedy over all classes.</summary>
    Agnostic,

    /// <summary>Overlap lowers a score instead, by exp(-IoU^2 / 0.5), within a class.</summary>
    Soft,

    /// <summary>Overlap above the limit lowers a score by 1 - IoU, within a class.</summary>
    SoftLinear,

    /// <summary>Greedy within a class by DIoU, which spares neighbours with distant centres.</summary>
    DIoU,

    /// <summary>Only order.</summary>
    None,
}

/// <summary>What requests and manifests call them.</summary>
internal static class SuppressionNames
{
    public static IReadOnlyDictionary<string, SuppressionMethod> All { get; } =
        new Dictionary<string, SuppressionMethod>(StringComparer.Ordinal)
        {
            ["class"] = SuppressionMethod.Class,
            ["agnostic"] = SuppressionMethod.Agnostic,
            ["soft"] = SuppressionMethod.Soft,
            ["diou"] = SuppressionMethod.DIoU,
            ["none"] = SuppressionMethod.None,
        };
}

/// <summary>Drops candidates that show an object which a better one shows already.</summary>
internal static class NonMaxSuppression
{
    /// <summary>Keeps the best of each object, best score first; in ties the first added.</summary>
    /// <param name="maxIoU">Two boxes that overlap more than this are taken for one object; 0 to 1.</param>
    /// <param name="maxDetections">How many to keep at most.</param>
    /// <remarks>In place. A candidate is compared with those kept, eight at a time, and no further than the first that
    /// suppresses it.</remarks>
    public static void Keep(
        Candidates candidates, SuppressionMethod method, float maxIoU, int maxDetections = int.MaxValue)
    {
        candidates.Sort();
        switch (method)
        {
            case SuppressionMethod.Class:
                Greedy<IoU>(candidates, maxIoU, perClass: true, maxDetections);
                break;
            case SuppressionMethod.Agnostic:
                Greedy<IoU>(candidates, maxIoU, perClass: false, maxDetections);
                break;
            case SuppressionMethod.DIoU:
                Greedy<DistanceIoU>(candidates, maxIoU, perClass: true, maxDetections);
                break;
            case SuppressionMethod.Soft or SuppressionMethod.SoftLinear:
                SoftSuppression.Keep(candidates, linear: method == SuppressionMethod.SoftLinear, maxIoU, maxDetections);
                break;
            default:
                candidates.Truncate(Math.Min(candidates.Count, maxDetections));
                break;
        }
    }

    private static void Greedy<TOverlap>(Candidates candidates, float maxOverlap, bool perClass, int maxDetections)
        where TOverlap : IOverlap
    {
        var kept = 0;
        for (var i = 0; i < candidates.Count && kept < maxDetections; i++)
        {
            if (!IsSuppressed<TOverlap>(candidates, i, kept, maxOverlap, perClass))
            {
                candidates.Move(i, kept++);
            }
        }

        candidates.Truncate(kept);
    }

    /// <summary>Whether one of the first <paramref name="kept"/> overlaps candidate <paramref name="index"/> too
    /// much.</summary>
    private static bool IsSuppressed<TOverlap>(
        Candidates candidates, int index, int kept, float maxOverlap, bool perClass)
        where TOverlap : IOverlap
    {
        var xMin = candidates.XMin[..kept];
        var yMin = candidates.YMin[..kept];
        var xMax = candidates.XMax[..kept];
        var yMax = candidates.YMax[..kept];
        var classIds = candidates.ClassIds[..kept];
        var (box, classId) = (candidates[index], candidates.ClassIds[index]);

        var i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            var boxes = Boxes.Repeat(box);
            var limit = Vector256.Create(maxOverlap);
            var sameClass = Vector256.Create(classId);
            for (; i <= kept - Boxes.Count; i += Boxes.Count)
            {
                var rivals = perClass ? Vector256.Equals(Load(classIds, i), sameClass) : Vector256<int>.AllBitsSet;
                if (rivals == Vector256<int>.Zero)
                {
                    continue;
                }

                var others = new Boxes(Load(xMin, i), Load(yMin, i), Load(xMax, i), Load(yMax, i));
                var over = Vector256.GreaterThan(TOverlap.Of(others, boxes), limit).AsInt32();
                if ((over & rivals) != Vector256<int>.Zero)
                {
                    return true;
                }
            }
        }

        for (; i < kept; i++)
        {
            if ((!perClass || classIds[i] == classId)
                && TOverlap.Of(new Box(xMin[i], yMin[i], xMax[i], yMax[i]), box) > maxOverlap)
            {
                return true;
            }
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Load<T>(Span<T> values, int index) =>
        Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(values), (nuint)index);
}
