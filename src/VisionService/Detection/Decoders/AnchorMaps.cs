using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// Raw maps of the YOLO heads with anchors (v2 to v5, v7): per cell and anchor tx, ty, tw, th, objectness, classes,
/// laid out as
/// <c>[1, anchors * (5 + classes), h, w]</c>, <c>[1, anchors, h, w, 5 + classes]</c> or <c>[1, h, w, anchors, 5 +
/// classes]</c>.
/// </summary>
/// <param name="levels">The outputs, finest first.</param>
/// <param name="anchors">For each level width and height in pixels of each anchor.</param>
internal sealed class AnchorMaps(
    int[] levels, float[][] anchors, AnchorCoding coding, int classCount, ModelInput input) : IDetectionDecoder
{
    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var firstRow = 0;
        for (var level = 0; level < levels.Length; level++)
        {
            DecodeLevel(outputs.Floats(levels[level]), LayoutOf(outputs, level), level, firstRow, into);
            firstRow += RowsIn(outputs, level);
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId)
    {
        var (level, rowInLevel) = Levels.Find(outputs, row, levels.Length, RowsIn);
        var output = levels[level];
        var map = LayoutOf(outputs, level);
        var start = map.Start(rowInLevel / map.Cells, rowInLevel % map.Cells);
        var (objectness, first) = (start + (4 * map.ChannelStep), start + (5 * map.ChannelStep));
        var own = first + (classId * map.ChannelStep);
        var found = coding.IsObjectnessActivated
            ? ScoreFactor.Probability(outputs, output, objectness)
            : ScoreFactor.Sigmoid(outputs, output, objectness);
        return found.Times(coding.Classes switch
        {
            ClassActivation.Sigmoid => ScoreFactor.Sigmoid(outputs, output, own),
            ClassActivation.Softmax => ScoreFactor.Softmax(outputs, output, own, first, map.ChannelStep, classCount),
            _ => ScoreFactor.Probability(outputs, output, own),
        });
    }

    private int RowsIn(ModelOutputs outputs, int level) => outputs.Floats(levels[level]).Length / (5 + classCount);

    private Layout LayoutOf(ModelOutputs outputs, int level) =>
        Layout.Of(outputs.Shape(levels[level]), anchors[level].Length / 2, 5 + classCount);

    private void DecodeLevel(ReadOnlySpan<float> values, Layout map, int level, int firstRow, Candidates into)
    {
        var minObjectness = coding.IsObjectnessActivated ? into.MinScore : Activations.Logit(into.MinScore);
        var cells = map.Cells;
        var classes = new float[classCount].AsSpan(); // a few hundred bytes per level and run
        for (var anchor = 0; anchor < anchors[level].Length / 2; anchor++)
        {
            for (var cell = 0; cell < cells; cell++)
            {
                var at = values[map.Start(anchor, cell)..];
                var objectness = at[4 * map.ChannelStep];
                if (!(objectness >= minObjectness))
                {
                    continue;
                }

                for (var c = 0; c < classes.Length; c++)
                {
                    classes[c] = at[(5 + c) * map.ChannelStep];
                }

                var best = TensorPrimitives.Max(classes);
                var score = coding.IsObjectnessActivated ? objectness : Activations.Sigmoid(objectness);
                score *= coding.Classes switch
                {
                    ClassActivation.Sigmoid => Activations.Sigmoid(best),
                    ClassActivation.Softmax => Activations.Softmax(classes, best),
                    _ => best,
                };
                if (score >= into.MinScore)
                {
                    var box = BoxAt(at, map, level, anchor, cell);
                    into.Add(box, classes.IndexOf(best), score, firstRow + (anchor * cells) + cell);
                }
            }
        }
    }

    private Box BoxAt(ReadOnlySpan<float> at, Layout map, int level, int anchor, int cell)
    {
        var scale = coding.CenterScales[Math.Min(level, coding.CenterScales.Count - 1)];
        var shift = (scale - 1) / 2;
        var (x, y) = (Activations.Sigmoid(at[0]), Activations.Sigmoid(at[map.ChannelStep]));
        return Box.Around(
            ((x * scale) - shift + (cell % map.Width)) * input.Width / map.Width,
            ((y * scale) - shift + (cell / map.Width)) * input.Height / map.Height,
            Side(at[2 * map.ChannelStep]) * anchors[level][2 * anchor],
            Side(at[3 * map.ChannelStep]) * anchors[level][(2 * anchor) + 1]);
    }

    private float Side(float value)
    {
        if (!coding.HasSquaredSides)
        {
            return MathF.Exp(value);
        }

        var twice = 2 * Activations.Sigmoid(value);
        return twice * twice;
    }

    /// <summary>Where the numbers of a map lie, as distances between neighbours.</summary>
    private readonly record struct Layout(int Height, int Width, int AnchorStep, int CellStep, int ChannelStep)
    {
        public int Cells => Width * Height;

        public static Layout Of(ReadOnlySpan<long> shape, int anchors, int channels)
        {
            var (a, b, c) = ((int)shape[1], (int)shape[2], (int)shape[3]);
            return shape.Length == 5
                ? c == anchors && a != anchors
                    ? new Layout(a, b, channels, anchors * channels, 1)
                    : new Layout(b, c, b * c * channels, channels, 1)
                : a == anchors * channels
                    ? new Layout(b, c, channels * b * c, 1, b * c)
                    : new Layout(a, b, channels, anchors * channels, 1);
        }

        /// <summary>The first number of an anchor in a cell.</summary>
        public int Start(int anchor, int cell) => (anchor * AnchorStep) + (cell * CellStep);
    }
}
