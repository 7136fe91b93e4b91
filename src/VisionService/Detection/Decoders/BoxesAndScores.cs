using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// Decoded boxes beside class probabilities: <c>[1, n, 4]</c> (or <c>[1, n, 1, 4]</c>) of xmin, ymin, xmax, ymax and
/// <c>[1, n, classes]</c>. In pixels for YOLO-NAS and DAMO-YOLO; in 0-1 for UltraFace, pytorch-ssd (both with
/// background as class 0) and darknet by way of PyTorch.
/// </summary>
internal sealed class BoxesAndScores(int boxes, int scores) : IDetectionDecoder
{
    /// <summary>What x and y are multiplied by to be pixels: the input's sides where boxes are 0-1.</summary>
    public (float X, float Y) Scale { get; init; } = (1, 1);

    /// <summary>Whether the first score is that of background; class ids then start after it.</summary>
    public bool HasBackground { get; init; }

    private int FirstClass => HasBackground ? 1 : 0;

    public static (float X, float Y) ScaleOf(ModelInput input) => (input.Width, input.Height);

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var corners = outputs.Floats(boxes);
        var probabilities = outputs.Floats(scores);
        var rowLength = (int)outputs.Shape(scores)[^1];
        for (var i = 0; i < probabilities.Length / rowLength; i++)
        {
            var classes = probabilities.Slice((i * rowLength) + FirstClass, rowLength - FirstClass);
            var best = TensorPrimitives.Max(classes);
            if (best >= into.MinScore)
            {
                var at = corners.Slice(i * 4, 4);
                var box = new Box(at[0] * Scale.X, at[1] * Scale.Y, at[2] * Scale.X, at[3] * Scale.Y);
                into.Add(box, classes.IndexOf(best), best, i);
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId) =>
        [new(scores, (row * (int)outputs.Shape(scores)[^1]) + FirstClass + classId, 1)];
}
