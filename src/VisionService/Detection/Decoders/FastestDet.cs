using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// FastestDet: one map, <c>[1, 5 + classes, h, w]</c> or flattened <c>[1, h * w, 5 + classes]</c>; per cell objectness
/// and class probabilities (activated), tanh of x and y offsets in cells, sigmoid of w and h as shares of the input.
/// Score = objectness^0.6 * class^0.4.
/// </summary>
/// <remarks>Source: dog-qiuqiu/FastestDet, runtime example.</remarks>
internal sealed class FastestDet(int output, int classCount, ModelInput input, int stride = 16) : IDetectionDecoder
{
    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var values = outputs.Floats(output);
        var (columns, rows) = (input.Width / stride, input.Height / stride);
        var cells = columns * rows;
        var (cellStep, channelStep) = Steps(outputs);
        for (var cell = 0; cell < cells; cell++)
        {
            var at = values[(cell * cellStep)..];
            var (best, classId) = (at[5 * channelStep], 0);
            for (var c = 1; c < classCount; c++)
            {
                if (at[(5 + c) * channelStep] > best)
                {
                    (best, classId) = (at[(5 + c) * channelStep], c);
                }
            }

            var score = MathF.Pow(at[0], 0.6f) * MathF.Pow(best, 0.4f);
            if (score >= into.MinScore)
            {
                var box = Box.Around(
                    ((cell % columns) + MathF.Tanh(at[channelStep])) * input.Width / columns,
                    ((cell / columns) + MathF.Tanh(at[2 * channelStep])) * input.Height / rows,
                    Activations.Sigmoid(at[3 * channelStep]) * input.Width,
                    Activations.Sigmoid(at[4 * channelStep]) * input.Height);
                into.Add(box, classId, score, cell);
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId)
    {
        var (cellStep, channelStep) = Steps(outputs);
        var objectness = row * cellStep;
        var own = objectness + ((5 + classId) * channelStep);
        var values = outputs.Floats(output);
        // The derivatives 0.6 / objectness and 0.4 / class of the score's logarithm, without their denominators.
        return [new(output, objectness, 0.6f * values[own]), new(output, own, 0.4f * values[objectness])];
    }

    /// <summary>From a cell to the next one and from a channel to the next one.</summary>
    private (int Cell, int Channel) Steps(ModelOutputs outputs)
    {
        var shape = outputs.Shape(output);
        return shape.Length == 4 && shape[1] == 5 + classCount
            ? (1, (input.Width / stride) * (input.Height / stride))
            : (5 + classCount, 1);
    }
}
