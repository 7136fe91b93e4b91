using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// RT-DETR by Ultralytics: <c>[1, queries, 4 + classes]</c>, rows of cx, cy, w, h in 0-1 and class probabilities. One
/// object a query.
/// </summary>
/// <remarks>Source: Ultralytics, models/rtdetr/predict.py.</remarks>
internal sealed class UltralyticsRtDetr(int output, int classCount, ModelInput input) : IDetectionDecoder
{
    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var values = outputs.Floats(output);
        var rowLength = (int)outputs.Shape(output)[^1];
        for (var query = 0; query < values.Length / rowLength; query++)
        {
            var row = values.Slice(query * rowLength, rowLength);
            var classes = row.Slice(4, classCount);
            var best = TensorPrimitives.Max(classes);
            if (best >= into.MinScore)
            {
                var box = Box.Around(
                    row[0] * input.Width, row[1] * input.Height, row[2] * input.Width, row[3] * input.Height);
                into.Add(box, classes.IndexOf(best), best, query);
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId) =>
        [new(output, (row * (int)outputs.Shape(output)[^1]) + 4 + classId, 1)];
}
