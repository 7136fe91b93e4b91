using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>How offsets turn a prior into a box.</summary>
internal enum OffsetCoding
{
    /// <summary>Centre moves by 0.1 * offset * side, side grows by exp(0.2 * offset): Liu et al., SSD, 2016.</summary>
    CenterVariance,

    /// <summary>Each corner moves by offset * side of the prior.</summary>
    Corner,
}

/// <summary>
/// SSD and MultiBox before decoding: class probabilities <c>[1, priors, 1 + classes]</c>, background first, offsets
/// <c>[1, priors, 4]</c>, priors in 0-1, from a third output <c>[1, priors, 4]</c> of corners or made beforehand, and
/// key points <c>[1, priors, 2 * k]</c> in some.
/// </summary>
/// <remarks>Sources: Liu et al., SSD, 2016; Dive into Deep Learning, 14.7; biubug6, Pytorch_Retinaface.</remarks>
internal sealed class Ssd(int scores, int offsets, ModelInput input) : IDetectionDecoder
{
    /// <summary>The output of priors as xmin, ymin, xmax, ymax; null where <see cref="Priors"/> are given.</summary>
    public int? PriorsOutput { get; init; }

    /// <summary>Centre x, y, width, height of each prior.</summary>
    public float[] Priors { get; init; } = [];

    public OffsetCoding Coding { get; init; }

    public int? KeyPointsOutput { get; init; }

    public int KeyPointCount { get; init; }

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var probabilities = outputs.Floats(scores);
        var deltas = outputs.Floats(offsets);
        var corners = PriorsOutput is { } output ? outputs.Floats(output) : [];
        var points = KeyPointsOutput is { } pointsOutput ? outputs.Floats(pointsOutput) : [];
        var rowLength = (int)outputs.Shape(scores)[^1];
        for (var i = 0; i < probabilities.Length / rowLength; i++)
        {
            var classes = probabilities.Slice((i * rowLength) + 1, rowLength - 1);
            var best = TensorPrimitives.Max(classes);
            if (!(best >= into.MinScore))
            {
                continue;
            }

            var prior = PriorAt(corners, i);
            var keyPoints = into.Add(BoxAt(prior, deltas.Slice(i * 4, 4)), classes.IndexOf(best), best, i);
            for (var k = 0; k < keyPoints.Length; k++)
            {
                var at = points.Slice((i * 2 * KeyPointCount) + (2 * k), 2);
                keyPoints[k] = new KeyPoint(
                    (prior.X + (at[0] * 0.1f * prior.Width)) * input.Width,
                    (prior.Y + (at[1] * 0.1f * prior.Height)) * input.Height,
                    1);
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId) =>
        [new(scores, (row * (int)outputs.Shape(scores)[^1]) + 1 + classId, 1)];

    /// <summary>RetinaFace's: two squares a cell on strides 8, 16, 32; four numbers a prior: centre and size,
    /// 0-1.</summary>
    public static float[] RetinaFacePriors(ModelInput input)
    {
        int[][] sides = [[16, 32], [64, 128], [256, 512]];
        var priors = new List<float>();
        for (var level = 0; level < sides.Length; level++)
        {
            var points = new AnchorPoints(input, [8 << level], offset: 0.5f, perCell: 2);
            for (var i = 0; i < points.Count; i++)
            {
                float side = sides[level][i % 2];
                priors.AddRange(
                    [points.X[i] / input.Width, points.Y[i] / input.Height, side / input.Width, side / input.Height]);
            }
        }

        return [.. priors];
    }

    private (float X, float Y, float Width, float Height) PriorAt(ReadOnlySpan<float> corners, int index)
    {
        if (PriorsOutput is null)
        {
            var prior = Priors.AsSpan(index * 4, 4);
            return (prior[0], prior[1], prior[2], prior[3]);
        }

        var at = corners.Slice(index * 4, 4);
        return ((at[0] + at[2]) / 2, (at[1] + at[3]) / 2, at[2] - at[0], at[3] - at[1]);
    }

    private Box BoxAt((float X, float Y, float Width, float Height) prior, ReadOnlySpan<float> at)
    {
        var box = Box.Around(prior.X, prior.Y, prior.Width, prior.Height);
        box = Coding == OffsetCoding.Corner
            ? new Box(
                box.XMin + (at[0] * prior.Width),
                box.YMin + (at[1] * prior.Height),
                box.XMax + (at[2] * prior.Width),
                box.YMax + (at[3] * prior.Height))
            : Box.Around(
                prior.X + (at[0] * 0.1f * prior.Width),
                prior.Y + (at[1] * 0.1f * prior.Height),
                prior.Width * MathF.Exp(at[2] * 0.2f),
                prior.Height * MathF.Exp(at[3] * 0.2f));
        return new Box(box.XMin * input.Width, box.YMin * input.Height, box.XMax * input.Width, box.YMax * input.Height);
    }
}
