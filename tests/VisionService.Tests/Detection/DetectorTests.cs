using VisionService.Detection;
using VisionService.Detection.Decoders;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Detection;

/// <summary>What goes into the network and what a run's numbers become, without a service around it.</summary>
public sealed class DetectorTests
{
    private static readonly InputGeometry AnySize = new(320, 320, ResizeMode.Letterbox)
    {
        MultipleOf = 32,
        Pad = 114,
        Antialias = false,
    };

    [Theory]
    [InlineData(640, 427, 320, 224)]
    [InlineData(427, 640, 224, 320)]
    [InlineData(100, 100, 320, 320)]
    public void The_shape_of_an_item_follows_the_picture(int width, int height, int inputWidth, int inputHeight)
    {
        using var image = new RgbImage(width, height);
        Assert.Equal(new ModelInput(3, inputHeight, inputWidth), Detector().Shape(Request(image)));
    }

    [Fact]
    public void The_planes_of_a_letterbox_that_follows_the_picture_are_Ultralytics()
    {
        using var flower = Pictures.Flower();
        var planes = new byte[3 * 224 * 320];
        Detector().Preprocess(Request(flower), planes);
        var reference = SharedFiles.Reference("letterbox/flower_320_auto").U8;
        Assert.InRange(Pictures.Difference(Pictures.Interleave(planes), reference).Max, 0, 1);
    }

    [Fact]
    public void A_part_is_seen_as_if_it_were_the_picture()
    {
        using var image = Pictures.Noise(200, 150);
        var part = new Tile(30, 20, 100, 64);
        using var cut = Pictures.Crop(image, part.Left, part.Top, part.Width, part.Height);
        var detector = Detector();
        Assert.Equal(detector.Shape(Request(cut)), detector.Shape(Request(image) with { Part = part }));

        var (seen, expected) = (new byte[3 * 320 * 224], new byte[3 * 320 * 224]); // 320 x 204.8, to 224
        detector.Preprocess(Request(image) with { Part = part }, seen);
        detector.Preprocess(Request(cut), expected);
        Assert.Equal(expected, seen);
    }

    [Fact]
    public void What_was_found_is_traced_by_its_row_and_class()
    {
        // Three anchors, two classes: the second anchor is class 1, in row 5 of 6.
        using var tensors = new OutputTensors().Add(
            "output0", [1, 6, 3], 9f, 30, 50, 9, 30, 50, 8, 8, 8, 8, 8, 8, 0, 0, 0, 0, 0.9f, 0);
        using var image = new RgbImage(64, 48);
        var detector = new Detector(
            new InputGeometry(64, 64, ResizeMode.Letterbox),
            channels: 3,
            DetectorFamilies.Find("yolov8")!,
            static (_, _) => new YoloV8(0, 2));
        var outputs = tensors.Read();
        using var found = detector.Find(Request(image), outputs);
        var element = Assert.Single(detector.Trace(Request(image), outputs, found.Rows[0], found.ClassIds[0]));
        Assert.Equal(new OutputElement(0, (5 * 3) + 1, 1), element);
    }

    private static Detector Detector() => new(
        AnySize, channels: 3, DetectorFamilies.Find("yolov8")!, static (_, _) => throw new InvalidOperationException(
            "Nothing is decoded here."));

    private static DetectRequest Request(RgbImage image) => new(image, new ScoreFilter(0.25f), null, 0.45f, 300);
}
