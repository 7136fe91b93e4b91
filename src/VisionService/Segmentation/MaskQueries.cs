using System.Buffers;
using System.Numerics.Tensors;
using VisionService.Imaging;

namespace VisionService.Segmentation;

/// <summary>A part of the image: what it is, how sure that is (0-1), and which pixels.</summary>
internal readonly record struct Segment(int ClassId, float Score, InstanceMask Mask);

/// <summary>MaskFormer's answer: queries, each with a distribution over classes and a mask of its own.</summary>
/// <param name="classLogits">[Q, C + 1]; the last says that the query found nothing.</param>
/// <param name="maskLogits">[Q, h, w] over the network's input.</param>
/// <remarks>A view of the model's outputs. Source: Cheng et al., MaskFormer (2021) and Mask2Former (2022).</remarks>
internal readonly ref struct MaskQueries(
    ReadOnlySpan<float> classLogits, ReadOnlySpan<float> maskLogits, int queries, int height, int width, Placement placement)
{
    private readonly ReadOnlySpan<float> _classLogits = classLogits;
    private readonly ReadOnlySpan<float> _maskLogits = maskLogits;

    private int Classes => (_classLogits.Length / queries) - 1;

    /// <summary>Each pixel's best class, every query voting with its mask's probability times its class's.</summary>
    public LabelMap Semantic(ClassChoice choice)
    {
        var (classes, area) = (Classes, height * width);
        var rented = ArrayPool<float>.Shared.Rent((area * classes) + area + classes + 1);
        try
        {
            var scores = rented.AsSpan(0, area * classes);
            var masks = rented.AsSpan(scores.Length, area);
            var probabilities = rented.AsSpan(scores.Length + area, classes + 1);
            scores.Clear();
            for (var q = 0; q < queries; q++)
            {
                TensorPrimitives.SoftMax(_classLogits.Slice(q * (classes + 1), classes + 1), probabilities);
                TensorPrimitives.Sigmoid(_maskLogits.Slice(q * area, area), masks);
                for (var i = 0; i < area; i++)
                {
                    var cell = scores.Slice(i * classes, classes);
                    TensorPrimitives.MultiplyAdd(probabilities[..classes], masks[i], cell, cell);
                }
            }

            return LabelMap.OfBest(ScoreMap.Interleaved(scores, classes, height, width), placement, choice);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    /// <summary>Objects, best first: a query may stand for several classes, and masks may overlap.</summary>
    /// <param name="minScore">Least product of the class's probability and the mean probability inside the mask.</param>
    public List<Segment> Instances(int maxCount, float minScore)
    {
        var found = new List<(int Query, int ClassId, float Score)>();
        var probabilities = new float[Classes + 1];
        for (var q = 0; q < queries; q++)
        {
            TensorPrimitives.SoftMax(_classLogits.Slice(q * probabilities.Length, probabilities.Length), probabilities);
            for (var c = 0; c < Classes; c++)
            {
                if (probabilities[c] >= minScore) // the mean of a mask is below 1
                {
                    found.Add((q, c, probabilities[c]));
                }
            }
        }

        var objects = new List<Segment>();
        foreach (var (query, classId, score) in found.OrderByDescending(one => one.Score).Take(maxCount))
        {
            var total = score * Certainty(query);
            if (total >= minScore && Mask(query) is { Width: > 0 } mask)
            {
                objects.Add(new Segment(classId, total, mask));
            }
        }

        return [.. objects.OrderByDescending(one => one.Score)];
    }

    /// <summary>Disjoint segments of things and stuff, best first; pixels may belong to none.</summary>
    /// <param name="minScore">Least probability of a query's class; 0.8 in the paper.</param>
    /// <param name="minVisible">Least share of a query's mask that others leave it; 0.8 in the paper.</param>
    /// <param name="stuff">The classes whose segments are one: sky, road.</param>
    /// <remarks>Each pixel goes to the query with the highest product of class and mask probability, and counts where the
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

    private InstanceMask Mask(int query)
    {
        var image = MaskBox.Of(placement.SourceWidth, placement.SourceHeight);
        var cells = _maskLogits.Slice(query * height * width, height * width);
        return ObjectMasks.Sample(cells, height, width, placement, image, threshold: 0).Trim();
    }

    /// <summary>The mean probability of the cells inside a query's mask.</summary>
    private float Certainty(int query)
    {
        var (sum, count) = (0.0, 0);
        foreach (var logit in _maskLogits.Slice(query * height * width, height * width))
        {
            if (logit > 0)
            {
                sum += 1 / (1 + Math.Exp(-logit));
                count++;
            }
        }

        return count == 0 ? 0 : (float)(sum / count);
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
