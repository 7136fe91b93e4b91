using System.Globalization;
using System.Text.RegularExpressions;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;
using VisionService.Detection;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Api;

/// <summary>
/// Real files through the whole service, in a folder as a user would have them, against the reference answers of the
/// shared folder: made with another runtime binding and another JPEG decoder.
/// </summary>
public sealed partial class RealDetectionServiceTests(RealDetectionServiceTests.Fixture fixture)
    : IClassFixture<RealDetectionServiceTests.Fixture>
{
    private readonly TestService? _service = fixture.Service;

    public static TheoryData<string, string, string> Rows { get; } = new(
        from model in new[]
        {
            ("yolo11n", "yolo11n-int8"),
            ("yolo11n-seg", "yolo11n-seg-int8"),
            ("yolox-nano", "yolox-nano-kazuhito / bgr0-255"),
            ("nanodet-m", "nanodet-m-416"),
            ("deimv2-atto", "deimv2-atto-coco / u01"),
        }
        from photo in new[] { "bus.jpg", "darknet-dog.jpg" }
        select (model.Item1, model.Item2, photo));

    // A quantised network turns one grey level of difference into a score that is .15 off.
    [Theory]
    [MemberData(nameof(Rows))]
    public async Task What_the_reference_is_sure_of_is_found(string model, string row, string photo)
    {
        var found = await DetectAsync(model, SharedFiles.Bytes($"images/{photo}"));
        Assert.All(
            Reference(row, photo).Where(static o => o.Score >= 0.5f),
            expected => Assert.True(
                found.Any(o => Agree(o, expected, 0.85f, 0.15f)),
                $"{expected} is not among {string.Join("; ", found)}"));
    }

    [Theory]
    [InlineData("yolo11n")]
    [InlineData("yolox-nano")]
    [InlineData("deimv2-atto")]
    public async Task A_photo_on_its_side_with_the_camera_saying_so_gives_the_same_boxes(string model)
    {
        var photo = SharedFiles.Bytes("images/bus.jpg");
        using var upright = Image.Load<Rgb24>(photo);
        var expected = await DetectAsync(model, Photos.Encode(upright), 0.5f);
        upright.Metadata.ExifProfile = null; // the photo's own says that it is upright
        upright.Mutate(
            static context => context.Rotate(RotateMode.Rotate270));
        var turned = Encoded.WithOrientation(
            Photos.Encode(upright, new JpegEncoder { Quality = 98 }), 6);

        var found = await DetectAsync(model, turned);
        Assert.NotEmpty(expected);
        Assert.All(
            expected,
            one => Assert.True(
                found.Any(o => Agree(o, one, 0.85f, 0.15f)), $"{one} is not among {string.Join("; ", found)}"));
    }

    [Fact]
    public async Task Tiles_find_the_small_dogs_of_a_large_photo()
    {
        // Twelve copies of a photo, 480 pixels wide, on 4000 x 3000: 38 in a network of 320, but 240 in a tile of 640.
        using var dog = Image.Load<Rgb24>(SharedFiles.Bytes("images/darknet-dog.jpg"));
        dog.Mutate(static context => context.Resize(480, 360));
        using var wall = new Image<Rgb24>(4000, 3000, new Rgb24(114, 114, 114));
        for (var i = 0; i < 12; i++)
        {
            var place = new Point(200 + (i % 4 * 950), 300 + (i / 4 * 950));
            wall.Mutate(context => context.DrawImage(dog, place, 1));
        }

        var photo = Photos.Encode(wall, new JpegEncoder { Quality = 92 });
        static int Dogs(IEnumerable<Labelled> found) => found.Count(static o => o.Label == "dog");
        var untiled = Dogs(await DetectAsync("yolo11n", photo));
        var tiled = Dogs(await DetectAsync("yolo11n", photo, 0.25f, "&tile=640x640"));
        Assert.True(untiled <= 2 && tiled is >= 11 and <= 13, $"{untiled} untiled, {tiled} tiled");
    }

    [Fact]
    public async Task Two_families_find_the_same_faces()
    {
        var photo = SharedFiles.Bytes("images/people-group-1.jpg");
        var (yunet, ultraface) = (await DetectAsync("yunet", photo, 0.8f), await DetectAsync("ultraface", photo, 0.8f));
        Assert.NotEmpty(yunet);
        Assert.Equal(yunet.Count, ultraface.Count);
        Assert.All(yunet, face => Assert.Contains(ultraface, other => IoU.Of(face.Box, other.Box) > 0.5f));
    }

    [Fact]
    public async Task A_face_has_five_key_points_within_its_box()
    {
        var answer = await PostAsync("yunet", SharedFiles.Bytes("images/people-group-1.jpg"), 0.8f);
        Assert.All(answer.Json.GetProperty("predictions").EnumerateArray(), static face =>
        {
            Assert.Equal("face", face.GetProperty("label").GetString());
            var box = BoxOf(face);
            Assert.Equal(5, face.GetProperty("key_points").GetArrayLength());
            Assert.All(face.GetProperty("key_points").EnumerateArray(), point =>
            {
                Assert.InRange(point.GetProperty("x").GetSingle(), box.XMin, box.XMax);
                Assert.InRange(point.GetProperty("y").GetSingle(), box.YMin, box.YMax);
            });
        });
    }

    [Fact]
    public async Task Nothing_but_the_files_is_needed_where_they_speak_for_themselves()
    {
        Assert.SkipUnless(_service is not null, "The shared folder is not there.");
        foreach (var (model, family) in new[]
        {
            ("yolo11n", "yolov8"), ("yolo11n-seg", "yolov8"), ("nanodet-m", "nanodet"), (
                "deimv2-atto", "rt-detr-upstream"),
            ("yunet", "yunet"), ("ultraface", "ultraface"),
        })
        {
            var details = (await _service.GetAsync($"/models/{model}")).Json;
            Assert.Equal(
                (model, "ready", family),
                (model, details.GetProperty("state").GetString(), details.GetProperty("family").GetString()));
        }
    }

    private async Task<List<Labelled>> DetectAsync(
        string model, byte[] photo, float minScore = 0.25f, string more = "") =>
    [
        .. from prediction in (await PostAsync(model, photo, minScore, more)).Json.GetProperty("predictions").EnumerateArray()
           let label = prediction.GetProperty("label").GetString()!
           select new Labelled(label, prediction.GetProperty("score").GetSingle(), BoxOf(prediction)),
    ];

    private async Task<Answer> PostAsync(string model, byte[] photo, float minScore, string more = "")
    {
        var path = FormattableString.Invariant($"/detect?model={model}&score_threshold={minScore}{more}");
        return (await _service!.PostAsync(path, photo, "application/octet-stream")).MustBe(
            System.Net.HttpStatusCode.OK);
    }

    private static Box BoxOf(System.Text.Json.JsonElement prediction)
    {
        float Corner(string name) => prediction.GetProperty("box").GetProperty(name).GetSingle();
        return new Box(Corner("xmin"), Corner("ymin"), Corner("xmax"), Corner("ymax"));
    }

    private static bool Agree(Labelled found, Labelled expected, float minIoU, float maxDifference) =>
        found.Label == expected.Label && Math.Abs(found.Score - expected.Score) <= maxDifference && IoU.Of(
            found.Box, expected.Box) > minIoU;

    private static IEnumerable<Labelled> Reference(string model, string photo)
    {
        var row = File.ReadLines(SharedFiles.Path("README.md"))
            .First(line => line.StartsWith($"| {model} | {photo} |", StringComparison.Ordinal));
        static float Number(Group group) => float.Parse(group.Value, CultureInfo.InvariantCulture);
        return Detection().Matches(row).Select(static match => new Labelled(
            match.Groups[1].Value,
            Number(match.Groups[2]),
            new Box(
                Number(match.Groups[3]), Number(match.Groups[4]), Number(match.Groups[5]), Number(match.Groups[6]))));
    }

    [GeneratedRegex(@"([a-z][a-z ]*) ([\d.]+) \[(\d+),(\d+),(\d+),(\d+)\]")]
    private static partial Regex Detection();

    private sealed record Labelled(string Label, float Score, Box Box);

    /// <summary>One service with all of them; none where the shared folder is missing.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        internal TestService? Service { get; private set; }

        public async ValueTask InitializeAsync()
        {
            if (!SharedFiles.AreThere)
            {
                return;
            }

            var folder = new ModelFolder();
            foreach (var (name, file, manifest) in new[]
            {
                ("yolo11n", "yolo11n-int8", null),
                ("yolo11n-seg", "yolo11n-seg-int8", null),
                // The references dropped duplicates class by class.
                ("yolox-nano", "yolox-nano-kazuhito", "{family: yolox, output: {nms: class}}"),
                ("nanodet-m", "nanodet-m-416", null),
                ("deimv2-atto", "deimv2-atto-coco", "labels: coco80"),
                ("yunet", "yunet_n_dynamic", null),
                ("ultraface", "ultraface-version-RFB-640", null),
            })
            {
                folder.Add(name, null, manifest);
                File.Copy(SharedFiles.Path($"models/{file}.onnx"), folder.File($"{name}/model.onnx"));
            }

            Service = await TestService.StartAsync(folder);
        }

        public async ValueTask DisposeAsync()
        {
            if (Service is not null)
            {
                await Service.DisposeAsync();
            }
        }
    }
}
