using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// YuNet of 2023: for each stride <c>cls [1, cells, 1]</c>, <c>obj [1, cells, 1]</c>, <c>bbox [1, cells, 4]</c> and
/// <c>kps [1, cells, 10]</c>, offsets from a cell's corner in strides, sides as logarithms. Score = sqrt(cls * obj).
/// Key points: right eye, left eye, nose, right and left corner of the mouth.
/// </summary>
/// <remarks>Source: OpenCV, objdetect/face_detect.cpp.</remarks>
internal sealed class YuNet(YuNet.Head[] heads, ModelInput input) : IDetectionDecoder
{
    public int KeyPointCount => 5;

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var row = 0;
        foreach (var head in heads)
        {
            var classes = outputs.Floats(head.Classes);
            var objectness = outputs.Floats(head.Objectness);
            var boxes = outputs.Floats(head.Boxes);
            var points = outputs.Floats(head.KeyPoints);
            var (columns, stride) = (input.Width / head.Stride, head.Stride);
            for (var cell = 0; cell < classes.Length; cell++, row++)
            {
                var score = MathF.Sqrt(Math.Clamp(classes[cell], 0, 1) * Math.Clamp(objectness[cell], 0, 1));
                if (!(score >= into.MinScore))
                {
                    continue;
                }

                var (x, y) = (cell % columns, cell / columns);
                var at = boxes.Slice(cell * 4, 4);
                var box = Box.Around(
                    (x + at[0]) * stride, (y + at[1]) * stride, MathF.Exp(at[2]) * stride, MathF.Exp(at[3]) * stride);
                var keyPoints = into.Add(box, 0, score, row);
                for (var k = 0; k < keyPoints.Length; k++)
                {
                    var point = points.Slice((cell * 10) + (2 * k), 2);
                    keyPoints[k] = new KeyPoint((x + point[0]) * stride, (y + point[1]) * stride, 1);
                }
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId)
    {
        var (level, cell) = Levels.Find(
            outputs, row, heads.Length, (outputs, level) => outputs.Floats(heads[level].Classes).Length);
        // A root grows as what is under it; the clamp only cuts off rounding.
        return ScoreFactor.Probability(outputs, heads[level].Classes, cell)
            .Times(ScoreFactor.Probability(outputs, heads[level].Objectness, cell));
    }

    /// <summary>The outputs of one stride.</summary>
    internal readonly record struct Head(int Stride, int Classes, int Objectness, int Boxes, int KeyPoints);
}
