using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// The textbook's sliding window as a fully convolutional network: <c>[1, classes + 5, h, w]</c> or <c>[1, h, w,
/// classes + 5]</c>, each cell with class scores, objectness, centre x and y, and size; centre and size as shares of
/// the window that the cell looks at. Score = objectness * class.
/// </summary>
/// <remarks>Source: Géron, Hands-On Machine Learning, chapter "Deep Computer Vision": objects found by an
/// FCN.</remarks>
internal sealed class FullyConvolutionalGrid(int output, int classCount, ModelInput input) : IDetectionDecoder
{
    /// <summary>Width and height in pixels of what a cell looks at. Null (default): its share of the input, so that
    /// windows touch.</summary>
    public (float Width, float Height)? Window { get; init; }

    /// <summary>Whether classes (softmax), objectness and centre (sigmoid) still have to be activated. Default
    /// false.</summary>
    public bool HasLogits { get; init; }

    /// <summary>Whether the size is height, width. Default false: width, height.</summary>
    public bool HasHeightFirst { get; init; }

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var values = outputs.Floats(output);
        var (rows, columns, cellStep, channelStep) = LayoutOf(outputs);
        var (cellWidth, cellHeight) = ((float)input.Width / columns, (float)input.Height / rows);
        var window = Window ?? (cellWidth, cellHeight);
        // Windows are spread evenly: the first starts at the left edge, the last ends at the right one.
        var stepX = Step(input.Width, window.Width, columns);
        var stepY = Step(input.Height, window.Height, rows);
        Span<float> cell = new float[classCount + 5];
        for (var i = 0; i < rows * columns; i++)
        {
            for (var k = 0; k < cell.Length; k++)
            {
                cell[k] = values[(i * cellStep) + (k * channelStep)];
            }

            var (score, classId) = Score(cell);
            if (score >= into.MinScore)
            {
                var at = cell[(classCount + 1)..];
                var (x, y) = HasLogits ? (Activations.Sigmoid(at[0]), Activations.Sigmoid(at[1])) : (at[0], at[1]);
                var (w, h) = HasHeightFirst ? (at[3], at[2]) : (at[2], at[3]);
                var box = Box.Around(
                    ((i % columns) * stepX) + (x * window.Width),
                    ((i / columns) * stepY) + (y * window.Height),
                    w * window.Width,
                    h * window.Height);
                into.Add(box, classId, score, i);
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId)
    {
        var (_, _, cellStep, channelStep) = LayoutOf(outputs);
        var first = row * cellStep;
        var (own, objectness) = (first + (classId * channelStep), first + (classCount * channelStep));
        return HasLogits
            ? ScoreFactor.Softmax(outputs, output, own, first, channelStep, classCount)
                .Times(ScoreFactor.Sigmoid(outputs, output, objectness))
            : ScoreFactor.Probability(outputs, output, own).Times(ScoreFactor.Probability(outputs, output, objectness));
    }

    private (int Rows, int Columns, int CellStep, int ChannelStep) LayoutOf(ModelOutputs outputs)
    {
        var shape = outputs.Shape(output);
        return shape[1] == classCount + 5
            ? ((int)shape[2], (int)shape[3], 1, (int)(shape[2] * shape[3]))
            : ((int)shape[1], (int)shape[2], classCount + 5, 1);
    }

    private static float Step(float side, float window, int cells) => cells == 1 ? 0 : (side - window) / (cells - 1);

    private (float Score, int ClassId) Score(ReadOnlySpan<float> cell)
    {
        var classes = cell[..classCount];
        var best = TensorPrimitives.Max(classes);
        var objectness = cell[classCount];
        return (HasLogits ? Activations.Softmax(classes, best) * Activations.Sigmoid(objectness) : best * objectness,
            classes.IndexOf(best));
    }
}
