using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// BlazeFace of MediaPipe: logits <c>[1, 896, 1]</c> and <c>[1, 896, 16]</c> of cx, cy, w, h and six key points (eyes,
/// nose, mouth, ears), in pixels from the centre of a cell: two rows a cell on the map of 16 x 16, six on that of 8 x
/// 8. Also the full-range model: one row a cell on a map of 48 x 48.
/// </summary>
/// <remarks>Source: MediaPipe, tensors_to_detections_calculator.cc.</remarks>
internal sealed class BlazeFace : IDetectionDecoder
{
    private readonly int _logits;
    private readonly int _boxes;
    private readonly float[] _x;
    private readonly float[] _y;

    public BlazeFace(int logits, int boxes, int rows, ModelInput input)
    {
        (_logits, _boxes) = (logits, boxes);
        AnchorPoints[] maps = rows == 896
            ? [new(input, [input.Width / 16], 0.5f, perCell: 2), new(input, [input.Width / 8], 0.5f, perCell: 6)]
            : [new(input, [input.Width / 48], 0.5f)];
        _x = [.. maps.SelectMany(static map => map.X)];
        _y = [.. maps.SelectMany(static map => map.Y)];
    }

    public int KeyPointCount => 6;

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var logits = outputs.Floats(_logits);
        var boxes = outputs.Floats(_boxes);
        var rowLength = boxes.Length / logits.Length;
        var minLogit = Activations.Logit(into.MinScore);
        for (var i = 0; i < logits.Length; i++)
        {
            if (!(logits[i] >= minLogit))
            {
                continue;
            }

            var at = boxes.Slice(i * rowLength, rowLength);
            var box = Box.Around(_x[i] + at[0], _y[i] + at[1], at[2], at[3]);
            var keyPoints = into.Add(box, 0, Activations.Sigmoid(logits[i]), i);
            for (var k = 0; k < keyPoints.Length; k++)
            {
                keyPoints[k] = new KeyPoint(_x[i] + at[4 + (2 * k)], _y[i] + at[5 + (2 * k)], 1);
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId) => [new(_logits, row, 1)];
}
