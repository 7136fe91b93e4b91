using System.Net;
using System.Text.Json;
using VisionService.Segmentation;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Api;

/// <summary>Other people's segmentation models behind the endpoint, where they lie beside the checkout.</summary>
public sealed class RealSegmentationServiceTests(RealSegmentationServiceTests.Fixture fixture)
    : IClassFixture<RealSegmentationServiceTests.Fixture>
{
    private const string DeepLab = "deeplabv3-mobilenetv2-voc";
    private const string Road = "road-segmentation-adas-0001";
    private const string Selfie = "selfie-segmentation-landscape";
    private const string Yolo = "yolo11n-seg-int8";

    private TestService Service
    {
        get
        {
            Assert.SkipUnless(fixture.Service is not null, "../shared/data/models is not there.");
            return fixture.Service!;
        }
    }

    [Theory]
    [InlineData("dog-winml.jpg", "dog", 0.15, 0.6)]
    [InlineData("darknet-person.jpg", "person", 0.03, 0.3)]
    [InlineData("cat-winml.jpg", "cat", 0.1, 0.8)]
    public async Task DeepLab_finds_what_is_in_the_photo(string photo, string label, double least, double most) =>
        Assert.InRange(Fraction(await SegmentAsync(DeepLab, $"images/{photo}"), label), least, most);

    [Fact]
    public async Task The_selfie_model_finds_the_person_alone()
    {
        var answer = await SegmentAsync(Selfie, "images/darknet-person.jpg");
        Assert.InRange(Fraction(answer, "person"), 0.04, 0.08);
        Assert.Equal(1, Fraction(answer, "person") + Fraction(answer, "background"), 5);
    }

    [Fact]
    public async Task The_road_is_found_in_the_street_scenes_of_CamVid()
    {
        const int CamVidRoad = 3, CamVidVoid = 11;
        var (both, either) = (0L, 0L);
        foreach (var file in Directory.GetFiles(SharedFiles.Path("sets/camvid-20/images")))
        {
            var name = Path.GetFileName(file);
            var answer = await SegmentAsync(Road, $"sets/camvid-20/images/{name}", "&mask=png");
            var map = PngValues.Read(answer.GetProperty("mask").GetProperty("png").GetBytesFromBase64());
            using var labels = Pictures.Decoder().Decode(SharedFiles.Bytes($"sets/camvid-20/labels/{name}"));
            Assert.Equal((labels.Width, labels.Height), (map.Width, map.Height));
            for (var i = 0; i < map.Values.Length; i++)
            {
                var label = labels.Pixels[i * 3];
                if (label != CamVidVoid)
                {
                    var (isRoad, isMeant) = (map.Values[i] is 1 or 3, label == CamVidRoad); // marks lie on the road
                    both += isRoad && isMeant ? 1 : 0;
                    either += isRoad || isMeant ? 1 : 0;
                }
            }
        }

        Assert.InRange((double)both / either, 0.93, 1);
    }

    [Fact]
    public async Task Yolo_needs_no_manifest_for_the_people_and_the_bus()
    {
        // Another runtime, prototypes enlarged to the nearest.
        (string Label, double Pixels)[] expected =
            [("person", 49565), ("person", 32434), ("person", 22092), ("bus", 265126)];
        var found = (await SegmentAsync(Yolo, "images/bus.jpg", "&score_threshold=0.6"))
            .GetProperty("predictions").EnumerateArray().ToArray();
        Assert.Equal(
            expected.OrderBy(one => one.Pixels).Select(one => one.Label),
            found.OrderBy(one =>
                one.GetProperty("pixels").GetInt64()).Select(one => one.GetProperty("label").GetString()));
        foreach (var (one, (_, pixels)) in found
            .OrderBy(one => one.GetProperty("pixels").GetInt64())
            .Zip(expected.OrderBy(one => one.Pixels)))
        {
            Assert.InRange(one.GetProperty("pixels").GetInt64() / pixels, 0.97, 1.03);
            var counts = one.GetProperty("mask").GetProperty("counts").GetString()!;
            Assert.Equal(one.GetProperty("pixels").GetInt64(), RleMask.Parse(counts, 810, 1080).Area);
        }
    }

    [Fact]
    public async Task Yolo_detects_what_it_segments()
    {
        var photo = SharedFiles.Bytes("images/bus.jpg");
        var detected = (await Service.PostAsync($"/detect?model={Yolo}", photo, null)).MustBe(HttpStatusCode.OK);
        var segmented = await SegmentAsync(Yolo, "images/bus.jpg");
        Assert.Equal(detected.Predictions, Answer.PredictionsOf(segmented));
        Assert.Contains("bus", detected.Predictions, StringComparison.Ordinal);
    }

    private static double Fraction(JsonElement answer, string label) => answer.GetProperty("classes").EnumerateArray()
        .Single(found => found.GetProperty("label").GetString() == label).GetProperty("fraction").GetDouble();

    private async Task<JsonElement> SegmentAsync(string model, string photo, string query = "") =>
        (await Service.PostAsync($"/segment?model={model}{query}", SharedFiles.Bytes(photo), null))
        .MustBe(HttpStatusCode.OK).Json;

    /// <summary>One service with the four models; null where they are missing.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        private readonly ModelFolder _folder = new();

        internal TestService? Service { get; private set; }

        public async ValueTask InitializeAsync()
        {
            var models = Path.Combine(Checkout.Root, "..", "shared", "data", "models");
            if (!Directory.Exists(models))
            {
                return;
            }

            (string Model, string? Manifest)[] manifests =
            [
                (DeepLab, "{task: segment, input: {preset: keras-tf, resize: stretch}}"),
                (
                    Road,
                    "{task: segment, labels: [background, road, curb, mark], " +
                    "input: {preset: raw, color: bgr, resize: stretch}}"),
                (Selfie, "{task: segment, labels: [person], input: {preset: unit}}"),
                (Yolo, null),
            ];
            foreach (var (model, manifest) in manifests)
            {
                _folder.Add(model, null, manifest);
                File.Copy(Path.Combine(models, $"{model}.onnx"), _folder.File($"{model}/model.onnx"));
            }

            Service = await TestService.StartAsync([_folder.Path], null);
        }

        public async ValueTask DisposeAsync()
        {
            if (Service is not null)
            {
                await Service.DisposeAsync();
            }

            _folder.Dispose();
        }
    }
}
