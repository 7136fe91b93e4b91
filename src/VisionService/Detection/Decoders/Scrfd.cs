using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// SCRFD and RetinaFace of InsightFace: for each stride scores <c>[.., n, 1]</c>, distances to the four sides <c>[..,
/// n, 4]</c> and, in some, key points <c>[.., n, 10]</c>, in strides from a cell's corner; two rows a cell.
/// </summary>
/// <remarks>Source: InsightFace, model_zoo/scrfd.py.</remarks>
internal sealed class Scrfd(Scrfd.Head[] heads, ModelInput input) : IDetectionDecoder
{
    private readonly AnchorPoints _points = new(input, heads.Select(static head => head.Stride).ToArray(), perCell: 2);

    public int KeyPointCount { get; } = heads.All(static head => head.KeyPoints is not null) ? 5 : 0;

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var row = 0;
        foreach (var head in heads)
        {
            var scores = outputs.Floats(head.Scores);
            var distances = outputs.Floats(head.Distances);
            var points = head.KeyPoints is { } index ? outputs.Floats(index) : [];
            for (var i = 0; i < scores.Length; i++, row++)
            {
                if (!(scores[i] >= into.MinScore))
                {
                    continue;
                }

                var (x, y, stride) = (_points.X[row], _points.Y[row], _points.Stride[row]);
                var at = distances.Slice(i * 4, 4);
                var box = new Box(
                    x - (at[0] * stride), y - (at[1] * stride), x + (at[2] * stride), y + (at[3] * stride));
                var keyPoints = into.Add(box, 0, scores[i], row);
                for (var k = 0; k < keyPoints.Length; k++)
                {
                    var point = points.Slice((i * 10) + (2 * k), 2);
                    keyPoints[k] = new KeyPoint(x + (point[0] * stride), y + (point[1] * stride), 1);
                }
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId)
    {
        var (level, rowInLevel) = Levels.Find(
            outputs, row, heads.Length, (outputs, level) => outputs.Floats(heads[level].Scores).Length);
        return [new(heads[level].Scores, rowInLevel, 1)];
    }

    /// <summary>The outputs of one stride.</summary>
    internal readonly record struct Head(int Stride, int Scores, int Distances, int? KeyPoints);
}
