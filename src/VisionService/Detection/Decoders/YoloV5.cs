using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// YOLOv5, v6, v7 and decoded YOLOX: <c>[1, anchors, 5 + classes + extra]</c>, rows of cx, cy, w, h in pixels,
/// objectness, class probabilities; extra are mask coefficients. Score = objectness * class.
/// </summary>
/// <remarks>Source: Ultralytics YOLOv5, models/yolo.py.</remarks>
internal sealed class YoloV5(int output, int classCount) : IDetectionDecoder
{
    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var values = outputs.Floats(output);
        var rowLength = (int)outputs.Shape(output)[^1];
        for (var (row, at) = (0, 0); at < values.Length; row++, at += rowLength)
        {
            var objectness = values[at + 4];
            if (!(objectness >= into.MinScore))
            {
                continue; // no class probability is over 1
            }

            var classes = values.Slice(at + 5, classCount);
            var best = TensorPrimitives.Max(classes);
            if (objectness * best >= into.MinScore)
            {
                var box = Box.Around(values[at], values[at + 1], values[at + 2], values[at + 3]);
                into.Add(box, classes.IndexOf(best), objectness * best, row);
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
