using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using VisionService.Detection;
using VisionService.Explanation;
using VisionService.Tests.Commands;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Models;

/// <summary>The models that ship: what a newcomer gets from each endpoint, and what the cards promise.</summary>
public sealed class DefaultModelsTests(DefaultModelsTests.Fixture fixture) : IClassFixture<DefaultModelsTests.Fixture>
{
    private const string Segmentation = "street-segmentation";
    private const string Detection = "street-detection";
    private const string Classification = "cifar10-resnet20";

    private static readonly string Folder = Path.Combine(Checkout.Root, "models");

    private static byte[] Street => File.ReadAllBytes(Path.Combine(Folder, Segmentation, "samples", "street.png"));

    public static TheoryData<string, string> Explanations => new(
        from model in new[] { Segmentation, Detection }
        from method in ExplainMethods.ByName.Keys
        where method != "cam"
        select (model, method));

    [Theory]
    [InlineData("classify", Classification)]
    [InlineData("detect", Detection)]
    [InlineData("segment", Segmentation)]
    [InlineData("explain", Classification)]
    public async Task Each_endpoint_answers_JSON_and_all_but_classify_a_picture(string task, string model)
    {
        var answer = (await fixture.Service.PostAsync($"/{task}", Street)).MustBe(HttpStatusCode.OK);
        Assert.Equal(model, answer.Json.GetProperty("model").GetProperty("name").GetString());
        Assert.Equal("""{"width":480,"height":360}""", answer.Json.GetProperty("image").GetRawText());

        using var request = new HttpRequestMessage(HttpMethod.Post, $"/{task}") { Content = new ByteArrayContent(Street) };
        request.Content.Headers.ContentType = new("image/png");
        request.Headers.Accept.ParseAdd("image/jpeg");
        var drawn = await fixture.Service.SendAsync(request);
        Assert.Equal(
            task == "classify" ? (HttpStatusCode.NotAcceptable, "application/problem+json") : (HttpStatusCode.OK, "image/jpeg"),
            (drawn.Status, drawn.Response.Content.Headers.ContentType?.MediaType));
    }

    [Fact]
    public async Task The_configuration_says_which_model_answers_for_a_task()
    {
        var (code, output, _) = await CommandProcess.RunAsync("config");
        Assert.Equal(0, code);
        foreach (var (task, model) in new[] { ("classify", Classification), ("detect", Detection), ("segment", Segmentation), ("explain", Classification) })
        {
            Assert.Matches($@"(?m)^Repository:Defaults:{task} +{model}  \(default\)$", output);
        }
    }

    [Fact]
    public async Task Whoever_brings_models_has_no_defaults_among_those_that_ship()
    {
        using var models = ModelFolder.WithColors();
        var (code, output, _) = await CommandProcess.RunAsync("config", "--models", models.Path);
        Assert.Equal(0, code);
        Assert.DoesNotContain(Classification, output);
    }

    [Fact]
    public void Everything_is_small_and_told()
    {
        var models = Directory.GetDirectories(Folder).Where(static folder => Path.GetFileName(folder) != "train").ToArray();
        Assert.Equal(
            new[] { Classification, Detection, Segmentation }, models.Select(static folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal));
        foreach (var model in models)
        {
            Assert.InRange(new FileInfo(Path.Combine(model, "model.onnx")).Length, 1, 3_000_000);
            Assert.NotEmpty(File.ReadAllLines(Path.Combine(model, "labels.txt")));
            var card = File.ReadAllText(Path.Combine(model, "MODEL_CARD.md"));
            Assert.All(["Licence", "Data", "What it cannot do", "models/train/"], part => Assert.Contains(part, card));
            Assert.NotEmpty(Directory.GetFiles(Path.Combine(model, "samples"), "*.png"));
            Assert.Equal(
                Directory.GetFiles(Path.Combine(model, "samples")).Select(Path.GetFileNameWithoutExtension).Order(),
                Directory.GetFiles(Path.Combine(model, "expected")).Select(Path.GetFileNameWithoutExtension).Order());
        }

        Assert.InRange(models.SelectMany(static model => Directory.GetFiles(model, "*", SearchOption.AllDirectories)).Sum(static file => new FileInfo(file).Length), 1, 10_000_000);
    }

    [Theory]
    [InlineData(17, 33)]
    [InlineData(640, 480)]
    [InlineData(1200, 500)]
    public async Task Photos_of_any_size_are_segmented(int width, int height)
    {
        var answer = (await fixture.Service.PostAsync("/segment", Photos.Of(new(120, 130, 140), width: width, height: height))).MustBe(HttpStatusCode.OK).Json;
        Assert.Equal(
            width * height,
            answer.GetProperty("classes").EnumerateArray().Sum(static one => one.GetProperty("pixels").GetInt64()));
    }

    [Fact]
    public async Task In_the_drawn_street_things_are_where_they_were_drawn()
    {
        var answer = (await fixture.Service.PostAsync("/segment?mask=png", Street)).MustBe(HttpStatusCode.OK).Json;
        var map = PngValues.Read(answer.GetProperty("mask").GetProperty("png").GetBytesFromBase64());
        var labels = File.ReadAllLines(Path.Combine(Folder, Segmentation, "labels.txt"));
        Assert.Equal("sky", labels[map.Values[(20 * 480) + 240]]);
        Assert.Equal("road", labels[map.Values[(340 * 480) + 200]]);

        // The blue car lies at 268 to 312, 200 to 241.
        var box = (await fixture.Service.PostAsync("/detect", Street)).MustBe(HttpStatusCode.OK).Json.GetProperty("predictions")
            .EnumerateArray().First(static one => one.GetProperty("label").GetString() == "car").GetProperty("box");
        var found = new Box(Edge("xmin"), Edge("ymin"), Edge("xmax"), Edge("ymax"));
        Assert.InRange(IoU.Of(found, new Box(268, 200, 312, 241)), 0.7, 1);

        float Edge(string name) => box.GetProperty(name).GetSingle();
    }

    [Theory]
    [MemberData(nameof(Explanations))]
    public async Task The_street_models_are_explained_by_every_method(string model, string method)
    {
        var answer = await fixture.Small.PostAsync($"/explain?model={model}&method={Uri.EscapeDataString(method)}&class=car", Street);
        var explained = answer.MustBe(HttpStatusCode.OK).Json;
        if (method == "activations")
        {
            Assert.NotEmpty(explained.GetProperty("activations").GetProperty("values").EnumerateArray());
            return;
        }

        Assert.Equal("car", explained.GetProperty("target").GetProperty("label").GetString());
        var values = explained.GetProperty("heatmap").GetProperty("grid").GetProperty("values").EnumerateArray().Select(static value => value.GetSingle()).ToArray();
        Assert.All(values, static value => Assert.True(float.IsFinite(value)));
        Assert.True(values.Max() > values.Min(), "The map is flat.");
    }

    /// <summary>The card's numbers are those that anybody gets from the command beside them, on the whole test split.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public async Task Evaluate_segment_measures_what_the_card_says()
    {
        var test = Path.Combine(Scripts.CamVid, "test");
        var output = await EvaluateAsync(
            "segment", "--images", Path.Combine(test, "images"), "--label-maps", Path.Combine(test, "labels"), "--void", "11");
        MustAgree(Segmentation, output, @"mIoU (?<value>[\d.]+)", "mIoU");
        MustAgree(Segmentation, output, @"pixel accuracy (?<value>[\d.]+)", "pixel accuracy");
        foreach (var label in File.ReadAllLines(Path.Combine(Folder, Segmentation, "labels.txt")))
        {
            MustAgree(Segmentation, output, $@"(?m)^{label} +\d+ +(?<value>[\d.]+)$", label);
        }
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Evaluate_detect_measures_what_the_card_says()
    {
        using var work = new ModelFolder();
        var truth = work.File("truth.json");
        await Scripts.RunAsync("street_boxes.py", Scripts.CamVid, "test", truth);
        var output = await EvaluateAsync("detect", "--coco", truth, "--images", Path.Combine(Scripts.CamVid, "test", "images"));
        MustAgree(Detection, output, @"(?m)^AP (?<value>[\d.]+)", "AP");
        MustAgree(Detection, output, @"AP50 (?<value>[\d.]+)", "AP50");
        foreach (var label in File.ReadAllLines(Path.Combine(Folder, Detection, "labels.txt")))
        {
            MustAgree(Detection, output, $@"(?m)^{label} +\d+ +[\d.]+ +(?<value>[\d.]+)", label);
        }
    }

    private static async Task<string> EvaluateAsync(string task, params string[] arguments)
    {
        var (code, output, errors) = await CommandProcess.RunAsync(
            ["evaluate", task, "--provider", "cpu", "--Logging:LogLevel:Default", "None", .. arguments]);
        Assert.Equal((0, ""), (code, errors));
        return output;
    }

    /// <summary>The measured number is the card's in the row of that name, but for what another JPEG decoder changes.</summary>
    private static void MustAgree(string model, string output, string measured, string row)
    {
        var card = File.ReadAllText(Path.Combine(Folder, model, "MODEL_CARD.md"));
        var said = Regex.Match(card, $@"(?m)^\| {Regex.Escape(row)} \| (?<value>\.\d+)");
        var found = Regex.Match(output, measured);
        Assert.True(said.Success && found.Success, $"'{row}' is missing in the card, or in:\n{output}");
        double Value(Match match) => double.Parse(match.Groups["value"].Value, CultureInfo.InvariantCulture);
        Assert.InRange(Value(found), Value(said) - 0.004, Value(said) + 0.004);
    }

    /// <summary>The service as it starts without options, and one whose street models see little, to explain them quickly.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        private readonly ModelFolder _small = new();

        internal TestService Service { get; private set; } = null!;

        internal TestService Small { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Service = await TestService.StartAsync([], null);
            foreach (var model in new[] { Segmentation, Detection })
            {
                var manifest = await File.ReadAllTextAsync(Path.Combine(Folder, model, "vision.yaml"), TestContext.Current.CancellationToken);
                _small.Add(
                    model,
                    null,
                    Regex.Replace(manifest, @"size: \[\d+, \d+\]", "size: [240, 240]"),
                    await File.ReadAllTextAsync(Path.Combine(Folder, model, "labels.txt"), TestContext.Current.CancellationToken));
                File.Copy(Path.Combine(Folder, model, "model.onnx"), _small.File($"{model}/model.onnx"));
            }

            Small = await TestService.StartAsync([_small.Path], null);
        }

        public async ValueTask DisposeAsync()
        {
            await Service.DisposeAsync();
            await Small.DisposeAsync();
            _small.Dispose();
        }
    }
}
