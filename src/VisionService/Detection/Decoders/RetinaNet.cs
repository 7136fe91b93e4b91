using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// RetinaNet of the ONNX zoo: for each level class probabilities <c>[1, 9 * classes, h, w]</c> and deltas <c>[1, 36,
/// h, w]</c> against nine anchors around a cell's centre: three scales of three shapes, the scale changing slowest.
/// </summary>
/// <remarks>Lin et al., Focal Loss, 2017. Source: NVIDIA retinanet-examples, box.py.</remarks>
internal sealed class RetinaNet(int[] scores, int[] deltas, int classCount, ModelInput input) : IDetectionDecoder
{
    /// <summary>Width and height of each anchor, in strides; shapes are height over width.</summary>
    private static readonly (float Width, float Height)[] Anchors =
    [
        .. from scale in new[] { 4f, 4f * MathF.Cbrt(2), 4f * MathF.Cbrt(4) }
           from shape in new[] { 1f, 2f, 0.5f }
           select (scale / MathF.Sqrt(shape), scale * MathF.Sqrt(shape)),
    ];

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var firstRow = 0;
        for (var level = 0; level < scores.Length; level++)
        {
            var probabilities = outputs.Floats(scores[level]);
            var shape = outputs.Shape(scores[level]);
            var (rows, columns) = ((int)shape[2], (int)shape[3]);
            for (var i = 0; i < probabilities.Length; i++)
            {
                if (probabilities[i] >= into.MinScore)
                {
                    var cell = i % (rows * columns);
                    var channel = i / (rows * columns);
                    var anchor = channel / classCount;
                    var box = BoxAt(outputs.Floats(deltas[level]), anchor, cell, rows, columns);
                    into.Add(box, channel % classCount, probabilities[i], firstRow + (anchor * rows * columns) + cell);
                }
            }

            firstRow += RowsIn(outputs, level);
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId)
    {
        var (level, rowInLevel) = Levels.Find(outputs, row, scores.Length, RowsIn);
        var shape = outputs.Shape(scores[level]);
        var cells = (int)(shape[2] * shape[3]);
        var (anchor, cell) = Math.DivRem(rowInLevel, cells);
        return [new(scores[level], (((anchor * classCount) + classId) * cells) + cell, 1)];
    }

    private int RowsIn(ModelOutputs outputs, int level) => outputs.Floats(scores[level]).Length / classCount;

    private Box BoxAt(ReadOnlySpan<float> deltas, int anchor, int cell, int rows, int columns)
    {
        var cells = rows * columns;
        var at = deltas[((anchor * 4 * cells) + cell)..];
        // The levels halve, but their sides round up: the stride is the power of two nearest to the quotient.
        var stride = MathF.Pow(2, MathF.Round(MathF.Log2((float)input.Width / columns)));
        var (width, height) = (Anchors[anchor].Width * stride, Anchors[anchor].Height * stride);
        return Box.Around(
            (((cell % columns) + 0.5f) * stride) + (at[0] * width),
            (((cell / columns) + 0.5f) * stride) + (at[cells] * height),
            MathF.Exp(at[2 * cells]) * width,
            MathF.Exp(at[3 * cells]) * height);
    }
}
