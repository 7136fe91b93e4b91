using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace VisionService.Detection.Decoders;

/// <summary>The best class of each column where each class is a row, as in <c>[classes, anchors]</c>; ties go to the
/// lower class.</summary>
/// <remarks>Walks along the rows, which lie together in memory, and keeps the best so far in the first-level
/// cache.</remarks>
internal static class TopClasses
{
    /// <summary>Columns that are best done at once: their best scores and classes, and a row's share, fill half a
    /// first-level cache.</summary>
    public const int BlockLength = 1024;

    /// <param name="rows">From the first class and the first column wanted to the end of the last class.</param>
    /// <param name="rowLength">From one class to the next.</param>
    /// <param name="minScore">What a column needs to be looked at: lower ones are left at a score below it.</param>
    /// <param name="scores">Receives the best score of each column wanted.</param>
    public static void Find(
        ReadOnlySpan<float> rows, int rowLength, int classCount, float minScore, Span<float> scores, Span<int> classIds)
    {
        // Few columns ever pass, so that the branch below is hardly ever taken.
        scores.Fill(MathF.BitDecrement(minScore));
        classIds.Clear();
        for (var classId = 0; classId < classCount; classId++)
        {
            Update(rows.Slice(classId * rowLength, scores.Length), classId, scores, classIds);
        }
    }

    private static void Update(ReadOnlySpan<float> row, int classId, Span<float> scores, Span<int> classIds)
    {
        var i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            ref var from = ref MemoryMarshal.GetReference(row);
            ref var best = ref MemoryMarshal.GetReference(scores);
            ref var bestId = ref MemoryMarshal.GetReference(classIds);
            var id = Vector256.Create(classId);
            for (; i <= row.Length - Vector256<float>.Count; i += Vector256<float>.Count)
            {
                var score = Vector256.LoadUnsafe(ref from, (nuint)i);
                var top = Vector256.LoadUnsafe(ref best, (nuint)i);
                var better = Vector256.GreaterThan(score, top);
                if (better.AsInt32() != Vector256<int>.Zero)
                {
                    Vector256.ConditionalSelect(better, score, top).StoreUnsafe(ref best, (nuint)i);
                    Vector256.ConditionalSelect(better.AsInt32(), id, Vector256.LoadUnsafe(ref bestId, (nuint)i))
                        .StoreUnsafe(ref bestId, (nuint)i);
                }
            }
        }

        for (; i < row.Length; i++)
        {
            if (row[i] > scores[i])
            {
                (scores[i], classIds[i]) = (row[i], classId);
            }
        }
    }
}
