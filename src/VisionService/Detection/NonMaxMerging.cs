using System.Buffers;

namespace VisionService.Detection;

/// <summary>
/// Joins candidates that show parts of one object, as tiles cut it: instead of dropping an overlapping box, the best
/// one grows to hold it.
/// </summary>
/// <remarks>Greedy non-maximum merging of Akyon et al., 2022.</remarks>
internal static class NonMaxMerging
{
    /// <summary>Keeps the best of each object, best score first, in place.</summary>
    /// <param name="maxOverlap">Two boxes of one class that share more than this of the smaller one are one object; 0
    /// to 1.</param>
    public static void Keep(Candidates candidates, float maxOverlap, int maxDetections = int.MaxValue)
    {
        candidates.Sort();
        // What a box was decides whom it takes in: growing boxes would otherwise swallow chains of neighbours.
        var grown = ArrayPool<Box>.Shared.Rent(candidates.Count);
        try
        {
            var kept = 0;
            for (var i = 0; i < candidates.Count; i++)
            {
                if (FindOwner(candidates, i, kept, maxOverlap) is >= 0 and var owner)
                {
                    grown[owner] = grown[owner].Union(candidates[i]);
                }
                else
                {
                    candidates.Move(i, kept);
                    grown[kept] = candidates[kept];
                    kept++;
                }
            }

            candidates.Truncate(Math.Min(kept, maxDetections));
            for (var i = 0; i < candidates.Count; i++)
            {
                candidates[i] = grown[i];
            }
        }
        finally
        {
            ArrayPool<Box>.Shared.Return(grown);
        }
    }

    private static int FindOwner(Candidates candidates, int index, int kept, float maxOverlap)
    {
        var classIds = candidates.ClassIds;
        var box = candidates[index];
        for (var i = 0; i < kept; i++)
        {
            if (classIds[i] == classIds[index] && IntersectionOverSmaller.Of(candidates[i], box) > maxOverlap)
            {
                return i;
            }
        }

        return -1;
    }
}
