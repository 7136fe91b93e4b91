namespace VisionService.Detection;

/// <summary>
/// Soft-NMS: takes the best candidate, lowers the scores of those of its class that overlap it, and repeats until none
/// reaches the least score of the request. For crowds, where a hard limit would drop neighbours.
/// </summary>
/// <remarks>Bodla et al., Soft-NMS, 2017. In place; O(n * kept), as each choice scans the rest.</remarks>
internal static class SoftSuppression
{
    private const float Sigma = 0.5f;

    /// <param name="linear">Scores fall by 1 - IoU where it is over <paramref name="maxIoU"/>; otherwise by a Gaussian
    /// of any overlap.</param>
    public static void Keep(Candidates candidates, bool linear, float maxIoU, int maxDetections)
    {
        var kept = 0;
        for (; kept < candidates.Count && kept < maxDetections; kept++)
        {
            var best = Best(candidates, kept);
            if (candidates.Scores[best] < candidates.MinScore)
            {
                break;
            }

            candidates.Swap(best, kept);
            Decay(candidates, kept, linear, maxIoU);
        }

        candidates.Truncate(kept);
    }

    private static int Best(Candidates candidates, int from)
    {
        var scores = candidates.Scores;
        var best = from;
        for (var i = from + 1; i < scores.Length; i++)
        {
            if (scores[i] > scores[best] || (scores[i] == scores[best] && candidates.IsEarlier(i, best)))
            {
                best = i;
            }
        }

        return best;
    }

    private static void Decay(Candidates candidates, int taken, bool linear, float maxIoU)
    {
        var (box, classId) = (candidates[taken], candidates.ClassIds[taken]);
        var scores = candidates.Scores;
        var classIds = candidates.ClassIds;
        for (var i = taken + 1; i < scores.Length; i++)
        {
            if (classIds[i] == classId && IoU.Of(box, candidates[i]) is > 0 and var overlap)
            {
                scores[i] *= !linear ? MathF.Exp(-(overlap * overlap) / Sigma) : overlap > maxIoU ? 1 - overlap : 1;
            }
        }
    }
}
