using VisionService.Detection.Decoders;

namespace VisionService.Detection;

/// <summary>YOLO heads exported as raw maps: only a manifest can say by which anchors and formula they are
/// read.</summary>
internal static class YoloMapFamilies
{
    private static readonly float[][] YoloV5Anchors =
        [[10, 13, 16, 30, 33, 23], [30, 61, 62, 45, 59, 119], [116, 90, 156, 198, 373, 326]];

    private static readonly float[][] YoloV7Anchors =
        [[12, 16, 19, 36, 40, 28], [36, 75, 76, 55, 72, 146], [142, 110, 192, 243, 459, 401]];

    private static readonly float[] TinyYoloV2Anchors =
        [1.08f, 1.19f, 3.42f, 4.41f, 6.63f, 11.38f, 9.42f, 5.11f, 16.62f, 10.52f];

    private static readonly float[] YoloV2Anchors =
        [0.57273f, 0.677385f, 1.87446f, 2.06253f, 3.33843f, 5.47434f, 7.88282f, 3.52778f, 9.77052f, 9.16828f];

    public static IReadOnlyList<DetectorFamily> All { get; } =
    [
        new("yolov4", "three maps [1, h, w, 3, 5 + classes], scores activated",
            static s => Maps(s) is { Length: 3 } maps && s.Outputs[maps[0]] is { Rank: 5 } map && map.Side(3) == 3 && map.Side(1) != 3
                ? Evidence.Certain : Evidence.None,
            static s => Build(s, AnchorCoding.YoloV4, YoloV7Anchors)), // v7 took v4's anchors
        new("yolov7-maps", "three raw maps, 2 sigmoid - 0.5, anchors of v7", FitRaw,
            static s => Build(s, AnchorCoding.YoloV5, YoloV7Anchors)),
        new("yolov5-maps", "three raw maps, 2 sigmoid - 0.5, anchors of v5", FitRaw,
            static s => Build(s, AnchorCoding.YoloV5, YoloV5Anchors))
        {
            Aliases = ["yolov7-tiny-maps"],
        },
        new("yolov3-maps", "three raw maps, sigmoid and exp, anchors of v3 (those of v5)", FitRaw,
            static s => Build(s, AnchorCoding.YoloV3, YoloV5Anchors)),
        new("yolov2", "one raw map [1, 5 * (5 + classes), h, w] of stride 32, softmax over classes",
            static s => s.Outputs is [{ Rank: 4 } only] && only.Side(1) is 125 or 425 && only.Last * 32 == s.Input.Width
                ? Evidence.Certain : Evidence.None,
            static s => new AnchorMaps(
                [0],
                s.Parameters.Anchors ?? [InPixels(s.Outputs[0].Side(1) == 125 ? TinyYoloV2Anchors : YoloV2Anchors)],
                AnchorCoding.YoloV2,
                (s.Outputs[0].Side(1) / 5) - 5,
                s.Input))
        {
            Aliases = ["tiny-yolov2"],
            Classes = static s => (s.Outputs[0].Side(1) / 5) - 5,
        },
        new("fastestdet", "one map [1, 5 + classes, h, w] of stride 16",
            static s => s.Outputs is [{ Rank: 4 } only] && only.Last * 16 == s.Input.Width && only.Side(1) - 5 == (s.ClassCount ?? 80)
                ? Evidence.Certain : Evidence.None,
            static s => new FastestDet(
                0, s.ClassCount ?? (s.Outputs[0].Rank == 4 ? s.Outputs[0].Side(1) : s.Outputs[0].Last) - 5, s.Input)),
        new("yolo-fastestv2", "two maps [1, h, w, 15 + classes], anchors share classes",
            static s => s.Outputs is [{ Rank: 4 } fine, { Rank: 4 } coarse] && fine.Side(2) * 16 == s.Input.Width
                && coarse.Side(2) * 32 == s.Input.Width && fine.Last == coarse.Last ? Evidence.Certain : Evidence.None,
            static s => new YoloFastestV2(
                [0, 1], s.Parameters.Anchors ?? YoloFastestV2.CocoAnchors, s.Outputs[0].Last - 15, s.Input)),
        new("grid", "the textbook's fully convolutional grid: classes, objectness, centre, size",
            static s => Evidence.None,
            static s => new FullyConvolutionalGrid(0, s.ClassCount ?? throw NeedsClasses(s), s.Input)
            {
                Window = s.Parameters.Window,
                HasLogits = s.Parameters.HasLogits,
                HasHeightFirst = s.Parameters.HasHeightFirst,
            })
        {
            Aliases = ["fcn-grid"],
        },
        new("yolov1", "S x S cells of B boxes (x, y, w, h, confidence) and classes",
            static s => Evidence.None,
            static s => new YoloV1(0, s.Parameters.BoxesPerCell ?? 2, s.ClassCount ?? throw NeedsClasses(s), s.Input)
            {
                HasSquareRoots = s.Parameters.HasSquareRoots,
            }),
    ];

    /// <summary>The raw maps, finest first.</summary>
    private static int[] Maps(DetectorSignature s) =>
    [
        .. Enumerable.Range(0, s.Outputs.Count)
            .Where(i => s.Outputs[i].Rank is 4 or 5)
            .OrderByDescending(i => s.Outputs[i].Shape.Skip(1).Aggregate(1L, static (product, side) => product * side)),
    ];

    private static Evidence FitRaw(DetectorSignature s) =>
        s.Outputs.Count == 3 && Maps(s) is { Length: 3 } maps && maps.All(i => Classes(s, i) > 0)
            && maps.Select((map, level) => Columns(s.Outputs[map]) * (8 << level) == s.Input.Width).All(static fits => fits)
            ? Evidence.Possible : Evidence.None;

    private static long Columns(OutputSignature map) => map.Rank == 5 ? map.Side(3) : map.Last;

    private static int Classes(DetectorSignature s, int map) => s.Outputs[map] switch
    {
        { Rank: 5 } output => output.Last - 5,
        { Rank: 4 } output when output.Side(1) % 3 == 0 => (output.Side(1) / 3) - 5,
        _ => 0,
    };

    private static AnchorMaps Build(DetectorSignature s, AnchorCoding coding, float[][] anchors)
    {
        var (maps, levels) = (Maps(s), s.Parameters.Anchors ?? anchors);
        return maps.Length == levels.Length
            ? new AnchorMaps(maps, levels, coding, s.ClassCount ?? Classes(s, maps[0]), s.Input)
            : throw new ArgumentException($"There are {maps.Length} maps for the anchors of {levels.Length}.", nameof(s));
    }

    private static float[] InPixels(float[] cells) => Array.ConvertAll(cells, static side => side * 32);

    private static ArgumentException NeedsClasses(DetectorSignature s) =>
        new("This family needs labels: its output does not tell the number of classes.", nameof(s));
}
