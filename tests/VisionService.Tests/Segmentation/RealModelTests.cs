using Microsoft.ML.OnnxRuntime;
using VisionService.Imaging;
using VisionService.Segmentation;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Segmentation;

/// <summary>Models from the field on real photos, from decoding to the mask.</summary>
/// <remarks>Set VISION_PICTURES to a folder to look at the overlays.</remarks>
public sealed class RealModelTests
{
    [Theory]
    [InlineData("dog-winml.jpg", 12, 0.15, 0.6)] // dog
    [InlineData("darknet-person.jpg", 15, 0.03, 0.3)] // person
    [InlineData("cat-winml.jpg", 8, 0.1, 0.8)] // cat
    public void DeepLab_finds_what_is_in_the_photo(string photo, int classId, double minFraction, double maxFraction)
    {
        using var image = Photo($"images/{photo}");
        var placement = new InputGeometry(257, 257, ResizeMode.Stretch).Place(image.Width, image.Height);
        using var model = new Model("deeplabv3-mobilenetv2-voc");
        using var outputs = model.Run([1, 257, 257, 3], Interleaved(image, placement, static v => (v / 127.5f) - 1));
        var scores = ScoreMap.Interleaved(outputs[0].GetTensorDataAsSpan<float>(), 21, 257, 257);
        var map = LabelMap.OfBest(scores, placement, default);
        var fraction = (double)map.CountPixels(21)[classId] / map.Ids.Length;
        Show($"deeplab-{photo}", image, map, Palette.Voc);
        Assert.InRange(fraction, minFraction, maxFraction);
    }

    [Fact]
    public void The_road_is_found_in_the_street_scenes_of_CamVid()
    {
        const int Road = 1;
        using var model = new Model("road-segmentation-adas-0001");
        var matrix = new ConfusionMatrix(4);
        int?[] classOf = [0, 0, 0, Road, 0, 0, 0, 0, 0, 0, 0, null];
        foreach (var file in Directory.GetFiles(SharedFiles.Path("sets/camvid-20/images")))
        {
            var name = Path.GetFileName(file);
            using var image = Photo($"sets/camvid-20/images/{name}");
            using var labels = Photo($"sets/camvid-20/labels/{name}");
            var placement = new InputGeometry(896, 512, ResizeMode.Stretch).Place(image.Width, image.Height);
            using var outputs = model.Run([1, 512, 896, 3], Interleaved(image, placement, static v => v, isBgr: true));
            var scores = ScoreMap.Interleaved(outputs[0].GetTensorDataAsSpan<float>(), 4, 512, 896);
            var map = LabelMap.OfBest(scores, placement, default);
            Show($"road-{name}", image, map, Palette.Voc);

            // Kerbs and marks lie on the road: label 3 covers them.
            foreach (ref var id in map.Ids.AsSpan())
            {
                id = id == 3 ? (ushort)Road : id;
            }

            matrix.Add(map, [.. Enumerable.Range(0, map.Ids.Length).Select(i => labels.Pixels[i * 3])], classOf);
        }

        Assert.InRange(matrix.IoU(Road), 0.93, 1);
    }

    [Fact]
    public void The_selfie_model_finds_the_person_and_neither_dog_nor_horse()
    {
        using var image = Photo("images/darknet-person.jpg");
        var placement = new InputGeometry(256, 144, ResizeMode.Stretch).Place(image.Width, image.Height);
        using var model = new Model("selfie-segmentation-landscape");
        using var outputs = model.Run([1, 144, 256, 3], Interleaved(image, placement, static v => v / 255));
        var cells = outputs[0].GetTensorDataAsSpan<float>();
        var map = Matte.Foreground(cells, 144, 256, placement, MatteActivation.Detect);
        Show("selfie-person.png", image, map, Palette.Instances);
        var person = InstanceMask.Of(map, 1);
        Assert.InRange(person.Left, 180, 200);
        Assert.InRange(person.Left + person.Width, 255, 285);
        Assert.InRange((double)person.Area / map.Ids.Length, 0.04, 0.08);
    }

    [Fact]
    public void YOLO_finds_the_people_and_the_bus()
    {
        int[] expected = [49565, 32434, 22092, 265126, 10989]; // another runtime, nearest upsampling
        using var image = Photo("images/bus.jpg");
        var geometry = new InputGeometry(640, 640, ResizeMode.Letterbox) { Pad = 114, Antialias = false };
        var placement = geometry.Place(image.Width, image.Height);
        using var model = new Model("yolo11n-seg-int8");
        var planes = new byte[3 * 640 * 640];
        Planes.Write(image, placement, planes);
        using var outputs = model.Run([1, 3, 640, 640], [.. planes.Select(v => v / 255f)]);
        var prototypes = new PrototypeMasks(outputs[1].GetTensorDataAsSpan<float>(), 160, 160, placement);
        var masks = new List<InstanceMask>();
        foreach (var (box, coefficients) in Boxes(outputs[0].GetTensorDataAsSpan<float>(), placement))
        {
            masks.Add(prototypes.Mix(coefficients, box));
        }

        Show("yolo-bus.png", image, LabelMap.OfInstances(masks, image.Width, image.Height), Palette.Instances);
        Assert.Equal(expected.Length, masks.Count);
        Assert.All(masks.Zip(expected), pair => Assert.InRange((double)pair.First.Area / pair.Second, 0.97, 1.03));
    }

    /// <summary>Candidates above .25, best first, none that overlaps a better one of its class by more than
    /// .45.</summary>
    private static List<(MaskBox Box, float[] Coefficients)> Boxes(ReadOnlySpan<float> output, Placement placement)
    {
        const int Anchors = 8400, Classes = 80;
        var found = new List<(float Score, int Class, MaskBox Box, float[] Coefficients)>();
        for (var a = 0; a < Anchors; a++)
        {
            var (best, score) = (0, 0f);
            for (var c = 0; c < Classes; c++)
            {
                var value = output[((4 + c) * Anchors) + a];
                (best, score) = value > score ? (c, value) : (best, score);
            }

            if (score > 0.25f)
            {
                var (x, y) = (output[a], output[Anchors + a]);
                var (w, h) = (output[(2 * Anchors) + a] / 2, output[(3 * Anchors) + a] / 2);
                var coefficients = new float[32];
                for (var k = 0; k < 32; k++)
                {
                    coefficients[k] = output[((4 + Classes + k) * Anchors) + a];
                }

                var box = new MaskBox(
                    placement.ToSourceX(x - w), placement.ToSourceY(y - h),
                    placement.ToSourceX(x + w), placement.ToSourceY(y + h));
                found.Add((score, best, box, coefficients));
            }
        }

        var kept = new List<(float Score, int Class, MaskBox Box, float[] Coefficients)>();
        foreach (var one in found.OrderByDescending(one => one.Score))
        {
            if (kept.TrueForAll(better => better.Class != one.Class || IoU(better.Box, one.Box) <= 0.45f))
            {
                kept.Add(one);
            }
        }

        return kept.ConvertAll(one => (one.Box, one.Coefficients));
    }

    private static float IoU(MaskBox a, MaskBox b)
    {
        var width = Math.Max(Math.Min(a.XMax, b.XMax) - Math.Max(a.XMin, b.XMin), 0);
        var height = Math.Max(Math.Min(a.YMax, b.YMax) - Math.Max(a.YMin, b.YMin), 0);
        var both = width * height;
        return both / (((a.XMax - a.XMin) * (a.YMax - a.YMin)) + ((b.XMax - b.XMin) * (b.YMax - b.YMin)) - both);
    }

    private static RgbImage Photo(string path) => Pictures.Decoder().Decode(SharedFiles.Bytes(path));

    private static float[] Interleaved(
        RgbImage image, Placement placement, Func<float, float> normalize, bool isBgr = false)
    {
        var area = placement.Geometry.Width * placement.Geometry.Height;
        var planes = new byte[3 * area];
        Planes.Write(image, placement, planes);
        var values = new float[planes.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var channel = isBgr ? 2 - (i % 3) : i % 3;
            values[i] = normalize(planes[(channel * area) + (i / 3)]);
        }

        return values;
    }

    private static void Show(string name, RgbImage image, LabelMap map, ReadOnlySpan<byte> palette)
    {
        if (Environment.GetEnvironmentVariable("VISION_PICTURES") is { } folder)
        {
            Overlay.Draw(image, map, palette);
            File.WriteAllBytes(
                Path.Combine(folder, Path.ChangeExtension(name, "png")),
                PngEncoder.Encode(image.Pixels, image.Width, image.Height, PngColor.Rgb));
        }
    }

    private sealed class Model(string name) : IDisposable
    {
        private readonly InferenceSession _session = new(SharedFiles.Path($"models/{name}.onnx"));

        public IDisposableReadOnlyCollection<OrtValue> Run(long[] shape, float[] values)
        {
            using var input = OrtValue.CreateTensorValueFromMemory(values, shape);
            using var options = new RunOptions();
            return _session.Run(options, [_session.InputNames[0]], [input], _session.OutputNames);
        }

        public void Dispose() => _session.Dispose();
    }
}
