using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// The DETR family: logits <c>[1, queries, classes (+ 1)]</c> and boxes <c>[1, queries, 4]</c> of cx, cy, w, h in 0-1.
/// Softmax over the classes and a last "no object" (DETR, YOLOS, Table Transformer), or a sigmoid for each class,
/// where a query may be several objects (deformable and conditional DETR, RT-DETR, D-FINE, RF-DETR).
/// </summary>
/// <remarks>Source: Hugging Face transformers, post_process_object_detection; RF-DETR, PostProcess.</remarks>
/// <param name="classCount">How many logits are classes; what follows them is no object.</param>
internal sealed class Detr(int logits, int boxes, int classCount, bool hasSoftmax, ModelInput input) : IDetectionDecoder
{
    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var numbers = outputs.Floats(logits);
        var corners = outputs.Floats(boxes);
        var rowLength = (int)outputs.Shape(logits)[^1];
        var minLogit = hasSoftmax ? float.NegativeInfinity : Activations.Logit(into.MinScore);
        for (var query = 0; query < numbers.Length / rowLength; query++)
        {
            var row = numbers.Slice(query * rowLength, rowLength);
            var classes = row[..classCount];
            var best = TensorPrimitives.Max(classes);
            if (!(best >= minLogit))
            {
                continue;
            }

            var at = corners.Slice(query * 4, 4);
            var box = Box.Around(
                at[0] * input.Width, at[1] * input.Height, at[2] * input.Width, at[3] * input.Height);
            if (hasSoftmax)
            {
                into.Add(box, classes.IndexOf(best), Activations.Softmax(row, best), query);
                continue;
            }

            for (var classId = 0; classId < classes.Length; classId++)
            {
                if (classes[classId] >= minLogit)
                {
                    into.Add(box, classId, Activations.Sigmoid(classes[classId]), query);
                }
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId) =>
        [new(logits, (row * (int)outputs.Shape(logits)[^1]) + classId, 1)];
}
