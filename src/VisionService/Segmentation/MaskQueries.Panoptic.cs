using System.Buffers;
using System.Numerics.Tensors;

namespace VisionService.Segmentation;

/// <content>The whole image divided among the queries.</content>
internal readonly ref partial struct MaskQueries
{
    /// <summary>Disjoint segments of things and stuff, best first; pixels may belong to none.</summary>
    /// <param name="minScore">Least probability of a query's class; 0.8 in the paper.</param>
    /// <param name="minVisible">Least share of a query's mask that others leave it; 0.8 in the paper.</param>
    /// <param name="stuff">The classes whose segments are one: sky, road.</param>
    /// <remarks>Each pixel goes to the query with the highest product of class and mask probability, and counts where
    /// the
    /// mask's own is at least a half.</remarks>
    public List<Segment> Panoptic(float minScore, float minVisible = 0.8f, IReadOnlySet<int>? stuff = null)
    {
        var kept = Confident(minScore);
        var segments = new List<Segment>();
        if (kept.Count == 0)
        {
            return segments;
        }

        var owners = Owners(kept);
        var merged = new Dictionary<int, int>();
        for (var k = 0; k < kept.Count; k++)
        {
            var (query, classId, score) = kept[k];
            var whole = Mask(query);
            var visible = Visible(whole, owners, (ushort)k);
            var area = visible.Area;
            if (area == 0 || area < minVisible * whole.Area)
            {
                continue;
            }

            if (stuff?.Contains(classId) == true && !merged.TryAdd(classId, segments.Count))
            {
                var earlier = segments[merged[classId]];
                segments[merged[classId]] = earlier with { Mask = InstanceMask.Union(earlier.Mask, visible) };
            }
            else
            {
                segments.Add(new Segment(classId, score, visible.Trim()));
            }
        }

        return segments;
    }

    /// <summary>The queries that found something, best first.</summary>
    private List<(int Query, int ClassId, float Score)> Confident(float minScore)
    {
        var kept = new List<(int Query, int ClassId, float Score)>();
        var probabilities = new float[Classes + 1];
        for (var q = 0; q < queries; q++)
        {
            TensorPrimitives.SoftMax(_classLogits.Slice(q * probabilities.Length, probabilities.Length), probabilities);
            var best = TensorPrimitives.IndexOfMax<float>(probabilities);
            if (best < Classes && probabilities[best] > minScore)
            {
                kept.Add((q, best, probabilities[best]));
            }
        }

        kept.Sort((a, b) => b.Score.CompareTo(a.Score));
        return kept;
    }

    /// <summary>For each pixel the place in <paramref name="kept"/> of the query that claims it most.</summary>
    private LabelMap Owners(List<(int Query, int ClassId, float Score)> kept)
    {
        var area = height * width;
        var rented = ArrayPool<float>.Shared.Rent(kept.Count * area);
        try
        {
            for (var k = 0; k < kept.Count; k++)
            {
                var claims = rented.AsSpan(k * area, area);
                TensorPrimitives.Sigmoid(_maskLogits.Slice(kept[k].Query * area, area), claims);
                TensorPrimitives.Multiply(claims, kept[k].Score, claims);
            }

            var scores = ScoreMap.Planar(rented.AsSpan(0, kept.Count * area), kept.Count, height, width);
            return LabelMap.OfBest(scores, placement, new ClassChoice(LabelMap.Void));
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    private static InstanceMask Visible(InstanceMask whole, LabelMap owners, ushort owner)
    {
        var visible = new InstanceMask(whole.Left, whole.Top, whole.Width, whole.Height);
        for (var y = 0; y < whole.Height; y++)
        {
            var ids = owners.Row(whole.Top + y)[whole.Left..];
            foreach (var (start, end) in whole.Runs(y))
            {
                for (var x = start; x < end; x++)
                {
                    if (ids[x] == owner)
                    {
                        visible.Set(y, x, x + 1);
                    }
                }
            }
        }

        return visible;
    }
}
