using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// YOLOv8, v9, 11, 12, 26 without its own top-k: <c>[1, 4 + classes + extra, anchors]</c>, rows of cx, cy, w, h in
/// pixels, then class probabilities without objectness. Extra rows are mask coefficients (found by candidate row) or
/// key points of x, y and, with three dimensions, visibility.
/// </summary>
/// <remarks>Source: Ultralytics, nn/modules/head.py.</remarks>
internal sealed class YoloV8(int output, int classCount, int keyPointCount = 0, int keyPointDimensions = 3)
    : IDetectionDecoder
{
    public int KeyPointCount => keyPointCount;

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var values = outputs.Floats(output);
        var anchors = (int)outputs.Shape(output)[^1];
        var minScore = into.MinScore;
        Span<float> scores = stackalloc float[TopClasses.BlockLength];
        Span<int> classIds = stackalloc int[TopClasses.BlockLength];
        for (var start = 0; start < anchors; start += TopClasses.BlockLength)
        {
            var length = Math.Min(TopClasses.BlockLength, anchors - start);
            var classes = values[((4 * anchors) + start)..];
            TopClasses.Find(classes, anchors, classCount, minScore, scores[..length], classIds[..length]);
            for (var i = 0; i < length; i++)
            {
                if (scores[i] >= minScore)
                {
                    Add(values[(start + i)..], anchors, classIds[i], scores[i], start + i, into);
                }
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId) =>
        [new(output, ((4 + classId) * (int)outputs.Shape(output)[^1]) + row, 1)];

    /// <param name="column">From the anchor's cx on; its next number is <paramref name="anchors"/> further.</param>
    private void Add(
        ReadOnlySpan<float> column, int anchors, int classId, float score, int anchor, Candidates into)
    {
        var box = Box.Around(column[0], column[anchors], column[2 * anchors], column[3 * anchors]);
        var keyPoints = into.Add(box, classId, score, anchor);
        for (var k = 0; k < keyPoints.Length; k++)
        {
            var row = 4 + classCount + (k * keyPointDimensions);
            keyPoints[k] = new KeyPoint(
                column[row * anchors],
                column[(row + 1) * anchors],
                keyPointDimensions > 2 ? column[(row + 2) * anchors] : 1);
        }
    }
}
