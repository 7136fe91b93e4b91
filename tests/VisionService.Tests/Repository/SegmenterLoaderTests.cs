using System.Net;
using OnnxGraph;
using VisionService.Tests.Api;
using VisionService.Tests.Imaging;
using VisionService.Tests.Segmentation;

namespace VisionService.Tests.Repository;

public sealed class SegmenterLoaderTests
{
    private const string Unit = "{task: segment, input: {preset: unit}}";

    [Fact]
    public async Task A_map_over_the_input_is_taken_for_a_segmentation_without_being_told()
    {
        var details = await DetailsAsync(SegmentationModels.Colors(classes: 2), "input: {preset: unit}", null);
        Assert.Contains(
            "\"state\":\"ready\",\"task\":\"segment\",\"family\":\"semantic\"", details, StringComparison.Ordinal);
        Assert.Contains("[\"class 0\",\"class 1\"]", details, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_channel_is_a_matte_with_a_background_before_its_label()
    {
        var details = await DetailsAsync(SegmentationModels.Redness(), Unit, "person\n");
        Assert.Contains("\"family\":\"matte\"", details, StringComparison.Ordinal);
        Assert.Contains("[\"background\",\"person\"]", details, StringComparison.Ordinal);
        details = await DetailsAsync(SegmentationModels.Redness(), Unit, null);
        Assert.Contains("[\"background\",\"foreground\"]", details, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Twenty_one_classes_without_labels_are_those_of_Pascal_VOC()
    {
        var details = await DetailsAsync(SegmentationModels.Colors(classes: 21), Unit, null);
        Assert.Contains("\"aeroplane\"", details, StringComparison.Ordinal);
        Assert.Contains("Pascal VOC", details, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Outputs_that_can_be_read_in_two_ways_are_refused_with_both()
    {
        // [1, 4, 4, 4]: classes first or last, nothing tells.
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, 1, 3, 4, 4);
        var scores = g.Conv(x, g.Constant(new float[12], 4, 3, 1, 1));
        var details = await DetailsAsync(g.Output("scores", scores, ElementType.Float, 1, 4, 4, 4).Build(), Unit, null);
        Assert.Contains("\"state\":\"failed\"", details, StringComparison.Ordinal);
        Assert.Contains("can be read in 2 ways", details, StringComparison.Ordinal);
        Assert.Contains("Scores of output 0, Scores with classes last of output 0", details, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\nb\n", "2 labels for 5 classes")]
    [InlineData("a\nb\nc\nd\ne\nf\n", "6 labels for 5 classes")]
    public async Task Labels_that_do_not_fit_the_classes_are_refused(string labels, string reason) =>
        Assert.Contains(
            reason, await DetailsAsync(SegmentationModels.Colors(classes: 5), Unit, labels), StringComparison.Ordinal);

    [Theory]
    [InlineData("{task: segment, input: {preset: unit}, output: {background: first}}")]
    [InlineData(Unit)]
    public async Task One_label_less_than_classes_leaves_out_the_background(string manifest)
    {
        var details = await DetailsAsync(SegmentationModels.Colors(), manifest, "green\nblue\n");
        Assert.Contains("[\"background\",\"green\",\"blue\"]", details, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Labels_one_short_are_refused_where_the_manifest_says_that_there_is_no_background()
    {
        const string Manifest = "{task: segment, input: {preset: unit}, output: {background: none}}";
        var details = await DetailsAsync(SegmentationModels.Colors(), Manifest, "green\nblue\n");
        Assert.Contains("2 labels for 3 classes", details, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Outputs_without_a_declared_shape_are_read_from_a_run()
    {
        foreach (var interleaved in new[] { false, true })
        {
            var graph = SegmentationModels.Colors(interleaved: interleaved, declared: false);
            Assert.Equal(SegmentFixture.Drawn, await MapAsync(graph, Unit, ModelFolder.ColorLabels));
        }
    }

    [Fact]
    public async Task A_network_that_takes_any_size_gets_that_of_its_manifest()
    {
        const string Manifest = "{task: segment, input: {preset: unit, size: [40, 32], resize: stretch}}";
        Assert.Equal(
            SegmentFixture.Drawn,
            await MapAsync(SegmentationModels.Colors(dynamic: true), Manifest, ModelFolder.ColorLabels));
    }

    [Theory]
    [InlineData("first", 0)]
    [InlineData("none", 255)]
    public async Task The_manifest_says_whether_the_first_class_is_the_background(string background, int expected)
    {
        var manifest = $"{{task: segment, input: {{preset: unit}}, output: {{background: {background}}}}}";
        var map = await MapAsync(SegmentationModels.Colors(), manifest, "background\ngreen\nblue\n", "&classes=green");
        Assert.Equal(SegmentFixture.Drawn.Select(id => id == 1 ? 1 : expected), map);
    }

    [Fact]
    public async Task Class_ids_without_labels_still_make_a_png_with_a_palette()
    {
        using var folder = new ModelFolder().Add("model", SegmentationModels.Indices(), Unit);
        await using var service = await TestService.StartAsync([folder.Path], null);
        var answer =
            (await service.PostAsync("/segment?mask=png", SegmentFixture.Scene())).MustBe(HttpStatusCode.OK).Json;
        var png = PngValues.Read(answer.GetProperty("mask").GetProperty("png").GetBytesFromBase64());
        Assert.Equal((8, 3), (png.Bits, png.Color));
        Assert.Equal(SegmentFixture.Drawn, png.Values.Select(id => (int)id));
    }

    [Fact]
    public async Task Class_ids_beyond_the_labels_are_counted_and_numbered()
    {
        // Ids 1, 2, 3; the labels end at 1.
        using var folder = new ModelFolder().Add("model", SegmentationModels.Indices(first: 1), Unit, "nothing\nred\n");
        await using var service = await TestService.StartAsync([folder.Path], null);
        var answer = (await service.PostAsync("/segment", SegmentFixture.Scene())).MustBe(HttpStatusCode.OK).Json;
        Assert.Equal(
            ["class 3 720", "red 304", "class 2 256"],
            answer.GetProperty("classes").EnumerateArray().Select(
                found => $"{found.GetProperty("label").GetString()} {found.GetProperty("pixels")}"));
    }

    [Fact]
    public async Task Yolo_with_prototypes_is_known_by_its_shapes()
    {
        var details = await DetailsAsync(SegmentationModels.Yolo(), null, "disc\nhalf\n");
        Assert.Contains("\"task\":\"segment\",\"family\":\"yolov8\"", details, StringComparison.Ordinal);
        Assert.Contains("Prototypes of output 0", details, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_classifier_told_to_segment_is_refused_with_its_outputs()
    {
        var details = await DetailsAsync(TinyModels.Colors(), "{task: segment, input: {preset: unit}}", ModelFolder.ColorLabels);
        Assert.Contains("those of no segmentation model known here", details, StringComparison.Ordinal);
        Assert.Contains("scores", details, StringComparison.Ordinal);
    }

    /// <summary>What <c>GET /models/model</c> tells.</summary>
    private static async Task<string> DetailsAsync(Graph graph, string? manifest, string? labels)
    {
        using var folder = new ModelFolder().Add("model", graph, manifest, labels);
        await using var service = await TestService.StartAsync([folder.Path], null);
        return (await service.GetAsync("/models/model")).Text;
    }

    private static async Task<IEnumerable<int>> MapAsync(
        Graph graph, string manifest, string? labels, string query = "")
    {
        using var folder = new ModelFolder().Add("model", graph, manifest, labels);
        await using var service = await TestService.StartAsync([folder.Path], null);
        var answer = await service.PostAsync($"/segment?mask=png{query}", SegmentFixture.Scene());
        var png = answer.MustBe(HttpStatusCode.OK).Json.GetProperty("mask").GetProperty("png").GetBytesFromBase64();
        return PngValues.Read(png).Values.Select(id => (int)id);
    }
}
