using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// YOLOX as exported by default: <c>[1, cells, 5 + classes]</c>, rows of x, y as offsets from a cell's corner and w, h
/// as logarithms, all in strides; then objectness and class probabilities, sigmoid done. Score = objectness * class.
/// </summary>
/// <remarks>Source: Megvii YOLOX, utils/demo_utils.py. With <c>--decode_in_inference</c> the form is that of <see
/// cref="YoloV5"/>.</remarks>
internal sealed class Yolox(int output, int classCount, ModelInput input, ReadOnlySpan<int> strides) : IDetectionDecoder
{
    private readonly AnchorPoints _points = new(input, strides);

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var values = outputs.Floats(output);
        var rowLength = (int)outputs.Shape(output)[^1];
        for (var i = 0; i < _points.Count; i++)
        {
            var row = values.Slice(i * rowLength, rowLength);
            if (!(row[4] >= into.MinScore))
            {
                continue;
            }

            var classes = row.Slice(5, classCount);
            var best = TensorPrimitives.Max(classes);
            if (row[4] * best >= into.MinScore)
            {
                var stride = _points.Stride[i];
                var box = Box.Around(
                    _points.X[i] + (row[0] * stride),
                    _points.Y[i] + (row[1] * stride),
                    MathF.Exp(row[2]) * stride,
                    MathF.Exp(row[3]) * stride);
                into.Add(box, classes.IndexOf(best), row[4] * best, i);
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId)
    {
        var start = row * (int)outputs.Shape(output)[^1];
        return ScoreFactor.Probability(outputs, output, start + 4)
            .Times(ScoreFactor.Probability(outputs, output, start + 5 + classId));
    }
}
