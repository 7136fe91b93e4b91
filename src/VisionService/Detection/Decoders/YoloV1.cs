using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// YOLOv1: S x S cells, each with B boxes of x, y, w, h, confidence, then class probabilities: <c>[1, S, S, B * 5 +
/// classes]</c>, or the same flattened. x and y are shares of the cell, w and h of the input. Score = confidence *
/// class.
/// </summary>
/// <remarks>Redmon et al., You Only Look Once, 2015.</remarks>
internal sealed class YoloV1(int output, int boxesPerCell, int classCount, ModelInput input) : IDetectionDecoder
{
    /// <summary>Whether w and h are square roots, as the paper trains them. Default false.</summary>
    public bool HasSquareRoots { get; init; }

    private int Channels => (boxesPerCell * 5) + classCount;

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var values = outputs.Floats(output);
        var side = (int)Math.Sqrt(values.Length / Channels);
        for (var cell = 0; cell < side * side; cell++)
        {
            var at = values.Slice(cell * Channels, Channels);
            var classes = at[(boxesPerCell * 5)..];
            var best = TensorPrimitives.Max(classes);
            for (var i = 0; i < boxesPerCell; i++)
            {
                var box = at.Slice(i * 5, 5);
                var score = best * box[4];
                if (score >= into.MinScore)
                {
                    var (w, h) = HasSquareRoots ? (box[2] * box[2], box[3] * box[3]) : (box[2], box[3]);
                    var decoded = Box.Around(
                        ((cell % side) + box[0]) * input.Width / side,
                        ((cell / side) + box[1]) * input.Height / side,
                        w * input.Width,
                        h * input.Height);
                    into.Add(decoded, classes.IndexOf(best), score, (cell * boxesPerCell) + i);
                }
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId)
    {
        var (cell, box) = Math.DivRem(row, boxesPerCell);
        var start = cell * Channels;
        return ScoreFactor.Probability(outputs, output, start + (box * 5) + 4)
            .Times(ScoreFactor.Probability(outputs, output, start + (boxesPerCell * 5) + classId));
    }
}
