using VisionService.Detection;
using VisionService.Detection.Decoders;
using VisionService.Inference;

namespace VisionService.Tests.Detection.Decoders;

/// <summary>A decoder and numbers for it, each in its own range, so that the rows of all levels are
/// candidates.</summary>
/// <param name="Outputs">In the order of the model.</param>
internal sealed record TraceCase(IDetectionDecoder Decoder, params TraceOutput[] Outputs)
{
    /// <summary>How many logits a softmax runs over, the traced one among them; their places: see <see
    /// cref="Normalizes"/>. 0: none.</summary>
    public int SoftmaxCount { get; init; }

    /// <summary>From a logit of the softmax to the next.</summary>
    public int SoftmaxStep { get; init; } = 1;

    public int MinCount { get; init; } = 2;

    /// <summary>The outputs that are no integers; what a test writes there the decoder reads.</summary>
    public IEnumerable<(int Output, float[] Values)> Floats => Outputs.Index()
        .Where(static output => output.Item.Floats.Length > 0)
        .Select(static output => (output.Index, output.Item.Floats));

    public OutputTensors Tensors()
    {
        var tensors = new OutputTensors();
        foreach (var (i, output) in Outputs.Index())
        {
            _ = output.Integers.Length > 0
                ? tensors.Add($"output{i}", output.Shape, output.Integers)
                : tensors.Add($"output{i}", output.Shape, output.Floats);
        }

        return tensors;
    }

    public Dictionary<(int Row, int ClassId), float> Scores(OutputTensors tensors)
    {
        using var candidates = Candidates.Rent(new ScoreFilter(0.01f), keyPointCount: Decoder.KeyPointCount);
        Decoder.Decode(tensors.Read(), candidates);
        var scores = new Dictionary<(int Row, int ClassId), float>();
        for (var i = 0; i < candidates.Count; i++)
        {
            scores.Add((candidates.Rows[i], candidates.ClassIds[i]), candidates.Scores[i]);
        }

        return scores;
    }

    /// <summary>Whether an element may be another logit of a traced one's softmax.</summary>
    public bool Normalizes(OutputElement[] traced, (int Output, int Index) element) => traced.Any(own =>
        own.Output == element.Output
        && (own.Index - element.Index) % SoftmaxStep == 0
        && Math.Abs(own.Index - element.Index) / SoftmaxStep < SoftmaxCount);
}

/// <summary>An output of floats, or of integers.</summary>
internal sealed record TraceOutput(long[] Shape, float[] Floats, long[] Integers)
{
    private static readonly float[] UnitCorners = [0.1f, 0.2f, 0.6f, 0.7f];

    public static TraceOutput Of(params long[] integers) => new([1, integers.Length], [], integers);

    /// <summary>Numbers between the ends, no two alike.</summary>
    public static TraceOutput Noise(long[] shape, float min, float max)
    {
        var shares = Probabilities(shape).Floats.Select(static value => (value - 0.2f) / 0.7f);
        return new TraceOutput(shape, [.. shares.Select(share => min + ((max - min) * share))], []);
    }

    /// <summary>0.2 to 0.9.</summary>
    public static TraceOutput Probabilities(params long[] shape)
    {
        var count = (int)shape.Aggregate(1L, static (product, side) => product * side);
        // Steps of the golden ratio fill an interval evenly and never come back to a place.
        return new TraceOutput(
            shape,
            [.. Enumerable.Range(1, count).Select(static i => 0.2f + (0.7f * (float)(i * 0.6180339887498949 % 1)))],
            []);
    }

    public static TraceOutput Logits(params long[] shape) => Noise(shape, -1.5f, 1.5f);

    /// <summary>The same corners in each row.</summary>
    public static TraceOutput Corners(params long[] shape) => Rows(shape, static _ => UnitCorners);

    public static TraceOutput Rows(long[] shape, Func<int, float[]> row)
    {
        var count = (int)(shape.Aggregate(1L, static (product, side) => product * side) / shape[^1]);
        return new TraceOutput(shape, [.. Enumerable.Range(0, count).SelectMany(row)], []);
    }
}

/// <summary>A case for each decoder, and for each way in which its numbers may lie.</summary>
internal static class TraceCases
{
    private static readonly ModelInput Input = new(3, 64, 96);
    private static readonly ModelInput Square = new(3, 64, 64);

    /// <summary>Made anew for each test, which changes the numbers.</summary>
    public static Dictionary<string, Func<TraceCase>> All { get; } = new()
    {
        // Levels of 2 x 3 and 1 x 2 cells.
        ["yolov2"] = static () => new(
            new AnchorMaps([0], [[8, 9]], AnchorCoding.YoloV2, 3, Input), TraceOutput.Logits(1, 8, 2, 3))
        {
            SoftmaxCount = 3,
            SoftmaxStep = 6,
        },
        ["yolov3, anchors in channels"] = static () => new(
            new AnchorMaps([0, 1], [[8, 9, 5, 4], [20, 30, 40, 30]], AnchorCoding.YoloV3, 3, Input),
            TraceOutput.Logits(1, 16, 2, 3),
            TraceOutput.Logits(1, 16, 1, 2)),
        ["yolov4, cells first"] = static () => new(
            new AnchorMaps([1, 0], [[8, 9, 5, 4], [20, 30, 40, 30]], AnchorCoding.YoloV4, 3, Input),
            TraceOutput.Probabilities(1, 1, 3, 2, 8),
            TraceOutput.Probabilities(1, 2, 3, 2, 8)),
        ["yolov5 maps, anchors first"] = static () => new(
            new AnchorMaps([0], [[8, 9, 5, 4]], AnchorCoding.YoloV5, 3, Input), TraceOutput.Logits(1, 2, 3, 4, 8)),
        ["yolo-fastestv2"] = static () => new(
            new YoloFastestV2([0, 1], [[8, 9, 5, 4], [20, 30, 40, 30]], 3, Input),
            TraceOutput.Probabilities(1, 2, 3, 13),
            TraceOutput.Probabilities(1, 1, 2, 13)),
        ["yolov1"] = static () => new(new YoloV1(0, 2, 3, Square), TraceOutput.Probabilities(1, 2 * 2 * 13)),
        ["yolov5"] = static () => new(new YoloV5(0, 3), TraceOutput.Probabilities(1, 4, 8)),
        ["yolov5-seg"] = static () => new(new YoloV5(0, 3), TraceOutput.Probabilities(1, 4, 8 + 2)),
        ["yolox"] = static () => new(new Yolox(0, 3, Input, [32, 64]), TraceOutput.Probabilities(1, 6 + 2, 8)),
        ["yolov8"] = static () => new(new YoloV8(0, 3), TraceOutput.Probabilities(1, 7, 5)),
        ["yolov8-pose"] = static () => new(
            new YoloV8(0, 1, keyPointCount: 2), TraceOutput.Probabilities(1, 5 + 6, 5)),
        ["end to end"] = static () => new(
            new DetectionRows(0, RowLayout.EndToEnd),
            TraceOutput.Rows([1, 3, 6], static i => [1, 2, 3, 4, 0.3f + (0.2f * i), i])),
        ["paddle"] = static () => new(
            new DetectionRows(0, RowLayout.Paddle),
            TraceOutput.Rows([3, 6], static i => [i, 0.3f + (0.2f * i), 1, 2, 3, 4])),
        ["efficientdet"] = static () => new(
            new DetectionRows(0, RowLayout.EfficientDet),
            TraceOutput.Rows([1, 3, 7], static i => [0, 1, 2, 3, 4, 0.3f + (0.2f * i), i + 1])),
        ["boxes, scores, labels"] = static () => new(
            new BoxesScoresLabels(0, 1, new NumericOutput(2, true)) { FirstClass = 1 },
            TraceOutput.Corners(1, 3, 4),
            TraceOutput.Probabilities(1, 3),
            TraceOutput.Of(3, 1, 2)),
        ["mmdeploy"] = static () => new(
            new BoxesScoresLabels(0, null, new NumericOutput(1, true)),
            TraceOutput.Rows([1, 3, 5], static i => [1, 2, 3, 4, 0.3f + (0.2f * i)]),
            TraceOutput.Of(3, 1, 2)),
        ["yolov3 of the zoo"] = static () => new(
            new YoloV3Selected(0, 1, 2),
            TraceOutput.Corners(1, 4, 4),
            TraceOutput.Probabilities(1, 3, 4),
            new TraceOutput([1, 3, 3], [], [0, 2, 1, 0, 0, 3, -1, -1, -1])),
        ["scores with background"] = static () => new(
            new BoxesAndScores(0, 1) { HasBackground = true },
            TraceOutput.Corners(1, 3, 4),
            TraceOutput.Probabilities(1, 3, 4)),
        ["scores without background"] = static () => new(
            new BoxesAndScores(1, 0), TraceOutput.Probabilities(1, 3, 4), TraceOutput.Corners(1, 3, 1, 4)),
        ["ssd"] = static () => new(
            new Ssd(0, 1, Input) { PriorsOutput = 2 },
            TraceOutput.Probabilities(1, 3, 4),
            TraceOutput.Logits(1, 3, 4),
            TraceOutput.Corners(1, 3, 4)),
        ["detr, softmax"] = static () => new(
            new Detr(0, 1, 3, hasSoftmax: true, Input), TraceOutput.Logits(1, 5, 4), TraceOutput.Probabilities(1, 5, 4))
        {
            SoftmaxCount = 4,
        },
        ["detr, sigmoid"] = static () => new(
            new Detr(1, 0, 3, hasSoftmax: false, Input),
            TraceOutput.Probabilities(1, 5, 4),
            TraceOutput.Logits(1, 5, 4))
        {
            MinCount = 15, // each query is all three classes
        },
        ["rt-detr of ultralytics"] = static () => new(
            new UltralyticsRtDetr(0, 3, Input), TraceOutput.Probabilities(1, 5, 7)),
        ["nanodet-plus"] = static () => new(
            NanoDet.Plus(0, 3, Input, [32, 64]), TraceOutput.Probabilities(1, 6 + 2, 3 + 12)),
        ["nanodet"] = static () => new(
            NanoDet.Legacy([0, 2], [1, 3], 3, Input, [32, 64]),
            TraceOutput.Probabilities(1, 6, 3),
            TraceOutput.Logits(1, 6, 12),
            TraceOutput.Probabilities(1, 2, 3),
            TraceOutput.Logits(1, 2, 12)),
        ["retinanet"] = static () => new(
            new RetinaNet([0, 1], [2, 3], 2, new ModelInput(3, 16, 24)),
            TraceOutput.Probabilities(1, 18, 2, 3),
            TraceOutput.Probabilities(1, 18, 1, 2),
            TraceOutput.Probabilities(1, 36, 2, 3),
            TraceOutput.Probabilities(1, 36, 1, 2))
        {
            MinCount = 18 * 8,
        },
        ["fastestdet, planes"] = static () => new(
            new FastestDet(0, 3, Input, stride: 32), TraceOutput.Probabilities(1, 8, 2, 3)),
        ["fastestdet, rows"] = static () => new(
            new FastestDet(0, 3, Input, stride: 32), TraceOutput.Probabilities(1, 6, 8)),
        ["grid, planes"] = static () => new(
            new FullyConvolutionalGrid(0, 3, Input), TraceOutput.Probabilities(1, 8, 2, 3)),
        ["grid, logits in rows"] = static () => new(
            new FullyConvolutionalGrid(0, 3, Input) { HasLogits = true }, TraceOutput.Noise([1, 2, 3, 8], 0.5f, 2))
        {
            SoftmaxCount = 3,
        },
        ["yunet"] = static () => new(
            new YuNet([new(32, 0, 2, 4, 6), new(64, 1, 3, 5, 7)], new ModelInput(3, 64, 128)),
            TraceOutput.Probabilities(1, 8, 1),
            TraceOutput.Probabilities(1, 2, 1),
            TraceOutput.Noise([1, 8, 1], 0.3f, 0.8f),
            TraceOutput.Noise([1, 2, 1], 0.3f, 0.8f),
            TraceOutput.Logits(1, 8, 4),
            TraceOutput.Logits(1, 2, 4),
            TraceOutput.Logits(1, 8, 10),
            TraceOutput.Logits(1, 2, 10)),
        ["scrfd"] = static () => new(
            new Scrfd([new(32, 1, 3, null), new(64, 0, 2, null)], new ModelInput(3, 64, 128)),
            TraceOutput.Probabilities(4, 1),
            TraceOutput.Probabilities(16, 1),
            TraceOutput.Probabilities(4, 4),
            TraceOutput.Probabilities(16, 4)),
        ["blazeface"] = static () => new(
            new BlazeFace(1, 0, 48 * 48, new ModelInput(3, 96, 96)),
            TraceOutput.Rows([1, 48 * 48, 16], static _ => [.. Enumerable.Repeat(1f, 16)]),
            TraceOutput.Rows([1, 48 * 48, 1], static i => [i % 1000 == 7 ? 0.5f : -20])),
    };
}
