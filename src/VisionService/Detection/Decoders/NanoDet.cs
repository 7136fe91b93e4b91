using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// NanoDet: class probabilities, and for each side a distribution over distances in strides. Plus: <c>[1, points,
/// classes + 4 * bins]</c>
/// from the corners of cells. Before Plus: <c>[1, points, classes]</c> and <c>[1, points, 4 * bins]</c> per stride,
/// from their centres.
/// </summary>
/// <remarks>Source: RangiLyu/nanodet, nanodet_plus_head.py; for the older head gfl_head.py of v0.x.</remarks>
internal sealed class NanoDet : IDetectionDecoder
{
    private readonly Head[] _heads;
    private readonly AnchorPoints _points;
    private readonly int _classCount;

    private NanoDet(Head[] heads, AnchorPoints points, int classCount) =>
        (_heads, _points, _classCount) = (heads, points, classCount);

    public static NanoDet Plus(int output, int classCount, ModelInput input, ReadOnlySpan<int> strides) =>
        new([new Head(output, output, classCount)], new AnchorPoints(input, strides), classCount);

    /// <param name="scores">Outputs of class probabilities, in the order of the strides.</param>
    /// <param name="distances">Outputs of distances, in the order of the strides.</param>
    public static NanoDet Legacy(
        int[] scores, int[] distances, int classCount, ModelInput input, ReadOnlySpan<int> strides)
    {
        var heads = scores.Zip(distances, static (score, distance) => new Head(score, distance, 0)).ToArray();
        return new NanoDet(heads, new AnchorPoints(input, strides, offset: 0.5f), classCount);
    }

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var point = 0;
        foreach (var head in _heads)
        {
            var scores = outputs.Floats(head.Scores);
            var distances = outputs.Floats(head.Distances);
            var scoreRow = (int)outputs.Shape(head.Scores)[^1];
            var distanceRow = (int)outputs.Shape(head.Distances)[^1];
            for (var i = 0; i < scores.Length / scoreRow; i++, point++)
            {
                var classes = scores.Slice(i * scoreRow, _classCount);
                var best = TensorPrimitives.Max(classes);
                if (best >= into.MinScore)
                {
                    var row = distances.Slice(i * distanceRow, distanceRow)[head.FirstDistance..];
                    into.Add(BoxAt(point, row), classes.IndexOf(best), best, point);
                }
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId)
    {
        var (level, rowInLevel) = Levels.Find(outputs, row, _heads.Length, RowsIn);
        var scores = _heads[level].Scores;
        return [new(scores, (rowInLevel * (int)outputs.Shape(scores)[^1]) + classId, 1)];
    }

    private int RowsIn(ModelOutputs outputs, int level)
    {
        var scores = _heads[level].Scores;
        return outputs.Floats(scores).Length / (int)outputs.Shape(scores)[^1];
    }

    private Box BoxAt(int point, ReadOnlySpan<float> distances)
    {
        var bins = distances.Length / 4;
        var (x, y, stride) = (_points.X[point], _points.Y[point], _points.Stride[point]);
        return new Box(
            x - (stride * Activations.Expectation(distances[..bins])),
            y - (stride * Activations.Expectation(distances.Slice(bins, bins))),
            x + (stride * Activations.Expectation(distances.Slice(2 * bins, bins))),
            y + (stride * Activations.Expectation(distances[(3 * bins)..])));
    }

    private readonly record struct Head(int Scores, int Distances, int FirstDistance);
}
