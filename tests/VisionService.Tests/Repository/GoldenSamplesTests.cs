using System.Net;
using VisionService.Tests.Api;
using VisionService.Tests.Detection;
using VisionService.Tests.Segmentation;

namespace VisionService.Tests.Repository;

/// <summary>Models with samples beside them, whose answers are known or wrong.</summary>
public class GoldenSamplesTests
{
    private const string Unit = "input: {preset: unit}";

    [Theory]
    [InlineData("""{"predictions": [{"label": "red", "score": 0.8}]}""", null)]
    [InlineData("""{"predictions": [{"class_id": 0, "score": 0.81}, {"label": "green", "score": 0.1}, {"label": "blue", "score": 0.1}]}""", null)]
    [InlineData("""{"predictions": [{"label": "red"}]}""", null)]
    [InlineData("""{"predictions": [{"label": "red", "score": 0.7}]}""", "samples/a.png is not answered as expected/a.json says: expected red 0.7, found red 0.8, green 0.1, blue 0.1")]
    [InlineData("""{"predictions": [{"label": "blue", "score": 0.8}]}""", "samples/a.png is not answered as expected/a.json says: expected blue 0.8, found red 0.8, green 0.1, blue 0.1")]
    [InlineData("""{"predictions": [{"label": "green", "score": 0.1}]}""", "samples/a.png is not answered as expected/a.json says: expected nothing but green 0.1, found red 0.8 too")]
    [InlineData("""{"predictions": [{"label": "pink"}]}""", "expected/a.json cannot be read: The model has no class 'pink'")]
    [InlineData("""{"predictions": [{"score": 1}]}""", "expected/a.json cannot be read: a prediction has neither class_id nor label")]
    [InlineData("""{"red": 0.8}""", "expected/a.json has neither 'predictions' nor 'classes'")]
    [InlineData("[", "expected/a.json cannot be read: ")]
    public async Task A_classifier_is_served_if_it_gives_the_known_answer(string expected, string? problem)
    {
        await using var service = await TestService.StartAsync(WithSample(expected));
        var model = (await service.GetAsync("/models/colors")).Json;
        Assert.Equal(problem is null ? "ready" : "failed", model.GetProperty("state").GetString());
        Assert.StartsWith(problem ?? "", problem is null ? "" : model.GetProperty("problem").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_manifest_says_how_far_a_score_may_lie_off()
    {
        var folder = WithSample("""{"predictions": [{"label": "red", "score": 0.7}]}""");
        folder.Write("colors/vision.yaml", "{input: {preset: unit}, golden: {tolerance: 0.11}}");
        await using var service = await TestService.StartAsync(folder);
        Assert.Equal("colors ready", await ModelCatalogTests.StatesAsync(service));
    }

    [Fact]
    public async Task What_an_endpoint_answered_is_a_known_answer()
    {
        var folder = new ModelFolder()
            .Add("colors", TinyModels.Colors(), Unit, ModelFolder.ColorLabels)
            .Add("boxes", TinyDetectors.Fixed((0, 0.9f, 0, 0, 40, 40), (1, 0.7f, 0, 0, 20, 20)), TinyDetectors.Unit, ModelFolder.ColorLabels)
            .Add("pixels", SegmentationModels.Colors(), "{task: segment, input: {preset: unit}}", ModelFolder.ColorLabels)
            .Add("objects", SegmentationModels.Yolo(), Unit, "disc\nhalf\n");
        await using var service = await TestService.StartAsync(folder);
        foreach (var (model, task) in new[] { ("colors", "classify"), ("boxes", "detect"), ("pixels", "segment"), ("objects", "segment") })
        {
            var answer = (await service.PostAsync($"/{task}?model={model}", SegmentFixture.Scene())).MustBe(HttpStatusCode.OK);
            Sample(folder, model, "scene", SegmentFixture.Scene(), answer.Text);
            (await service.PostJsonAsync($"/models/{model}/reload", "")).MustBe(HttpStatusCode.OK);

            // Another picture has another answer.
            Sample(folder, model, "scene", Photos.Red, answer.Text);
            var reload = await service.PostJsonAsync($"/models/{model}/reload", "");
            Assert.StartsWith(
                $"Model '{model}' cannot be loaded: samples/scene.png is not answered as expected/scene.json says: ",
                reload.Problem(400, "invalid-request"),
                StringComparison.Ordinal);
            Assert.Equal("ready", (await service.GetAsync($"/models/{model}")).Json.GetProperty("state").GetString());
        }
    }

    [Fact]
    public async Task Boxes_must_lie_where_they_are_known_to()
    {
        const string Expected = """{"predictions": [{"label": "red", "score": 0.9, "box": {"xmin": 0, "ymin": 0, "xmax": 40, "ymax": Y}}]}""";
        var folder = new ModelFolder().Add("boxes", TinyDetectors.Fixed((0, 0.9f, 0, 0, 40, 40)), TinyDetectors.Unit, ModelFolder.ColorLabels);
        Sample(folder, "boxes", "a", Photos.Of(new(9, 9, 9), width: 64, height: 64), Expected.Replace("Y", "38", StringComparison.Ordinal)); // IoU .95
        await using var service = await TestService.StartAsync(folder);
        Assert.Equal("boxes ready", await ModelCatalogTests.StatesAsync(service));
        Sample(folder, "boxes", "a", Photos.Of(new(9, 9, 9), width: 64, height: 64), Expected.Replace("Y", "35", StringComparison.Ordinal)); // .875
        Assert.EndsWith(
            "expected red 0.9 at [0, 0, 40, 35], found red 0.9 at [0, 0, 40, 40]",
            (await service.PostJsonAsync("/models/boxes/reload", "")).Problem(400, "invalid-request"),
            StringComparison.Ordinal);
        Sample(folder, "boxes", "a", Photos.Of(new(9, 9, 9), width: 64, height: 64), """{"predictions": []}""");
        Assert.EndsWith(
            "expected nothing, found red 0.9 at [0, 0, 40, 40]",
            (await service.PostJsonAsync("/models/boxes/reload", "")).Problem(400, "invalid-request"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sample_that_is_no_picture_or_lies_elsewhere_is_refused_and_so_is_an_answer_without_one()
    {
        using var elsewhere = new ModelFolder();
        await File.WriteAllBytesAsync(elsewhere.File("red.png"), Photos.Red, TestContext.Current.CancellationToken);
        var folder = WithSample("""{"predictions": [{"label": "red"}]}""");
        await using var service = await TestService.StartAsync(folder);

        File.CreateSymbolicLink(folder.File("colors/samples/b.png"), elsewhere.File("red.png"));
        Assert.EndsWith("samples/b.png is a link that leads out of the model's folder.", await ReloadAsync(service), StringComparison.Ordinal);
        File.Delete(folder.File("colors/samples/b.png"));
        folder.Write("colors/samples/b.png", "no picture");
        Assert.Contains("samples/b.png cannot be answered: ", await ReloadAsync(service), StringComparison.Ordinal);
        File.Delete(folder.File("colors/samples/b.png"));
        folder.Write("colors/expected/b.json", "{}");
        Assert.EndsWith("expected/b.json has no picture in samples.", await ReloadAsync(service), StringComparison.Ordinal);
        File.Delete(folder.File("colors/expected/b.json"));
        (await service.PostJsonAsync("/models/colors/reload", "")).MustBe(HttpStatusCode.OK);
    }

    private static async Task<string> ReloadAsync(TestService service) =>
        (await service.PostJsonAsync("/models/colors/reload", "")).Problem(400, "invalid-request");

    private static ModelFolder WithSample(string expected)
    {
        var folder = ModelFolder.WithColors();
        Sample(folder, "colors", "a", Photos.Red, expected);
        return folder;
    }

    private static void Sample(ModelFolder folder, string model, string name, byte[] picture, string expected)
    {
        Directory.CreateDirectory(folder.File($"{model}/samples"));
        Directory.CreateDirectory(folder.File($"{model}/expected"));
        File.WriteAllBytes(folder.File($"{model}/samples/{name}.png"), picture);
        folder.Write($"{model}/expected/{name}.json", expected);
    }
}
