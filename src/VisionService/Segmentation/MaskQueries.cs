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
internal readonly ref partial struct MaskQueries(
    ReadOnlySpan<float> classLogits, ReadOnlySpan<float> maskLogits, int queries, int height, int width,
    Placement placement)
{
    private readonly ReadOnlySpan<float> _classLogits = classLogits;
    private readonly ReadOnlySpan<float> _maskLogits = maskLogits;

    public int Count => queries;

    private int Classes => (_classLogits.Length / queries) - 1;

    /// <summary>The likeliest class of a query; null: it found nothing.</summary>
    public int? ClassOf(int query)
    {
        var best = TensorPrimitives.IndexOfMax(_classLogits.Slice(query * (Classes + 1), Classes + 1));
        return best < Classes ? best : null;
    }

    /// <summary>The mask logits of a query, [h, w]: above 0 inside.</summary>
    public ReadOnlySpan<float> CellsOf(int query) => _maskLogits.Slice(query * height * width, height * width);

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
                TensorPrimitives.Sigmoid(CellsOf(q), masks);
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
    /// <param name="minScore">Least product of the class's probability and the mean probability inside the
    /// mask.</param>
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

    private InstanceMask Mask(int query)
    {
        var image = MaskBox.Of(placement.SourceWidth, placement.SourceHeight);
        return ObjectMasks.Sample(CellsOf(query), height, width, placement, image, threshold: 0).Trim();
    }

    /// <summary>The mean probability of the cells inside a query's mask.</summary>
    private float Certainty(int query)
    {
        var (sum, count) = (0.0, 0);
        foreach (var logit in CellsOf(query))
        {
            if (logit > 0)
            {
                sum += 1 / (1 + Math.Exp(-logit));
                count++;
            }
        }

        return count == 0 ? 0 : (float)(sum / count);
    }
}
