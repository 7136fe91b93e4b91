using System.Net;
using VisionService.Tests.Detection;
using static VisionService.Tests.Detection.Scenes;

namespace VisionService.Tests.Api;

/// <summary>
/// What each parameter does to five boxes: red .9, .8 (inside the first, IoU .75) and .2, green .7 (as the first), blue .3.
/// </summary>
public class DetectParametersTests(DetectFixture fixture) : IClassFixture<DetectFixture>
{
    private const string Known =
        "Known: model, timeout_ms, priority, score_threshold, iou_threshold, nms, max_detections, classes, tile, tile_overlap.";

    private static readonly byte[] Image = Of(64, 64);
    private readonly TestService _service = fixture.Service;

    [Theory]
    [InlineData("", "red .9, green .7, blue .3")]
    [InlineData("score_threshold=0.1", "red .9, green .7, blue .3, red .2")]
    [InlineData("score_threshold=0.9", "red .9")] // a score equal to it passes
    [InlineData("score_threshold=1", "")]
    [InlineData("score_threshold=0", "red .9, green .7, blue .3, red .2")]
    [InlineData("iou_threshold=0.8", "red .9, red .8, green .7, blue .3")]
    [InlineData("iou_threshold=1", "red .9, red .8, green .7, blue .3")]
    [InlineData("iou_threshold=0", "red .9, green .7, blue .3")]
    [InlineData("nms=class", "red .9, green .7, blue .3")]
    [InlineData("nms=agnostic", "red .9, blue .3")]
    [InlineData("nms=none", "red .9, red .8, green .7, blue .3")]
    [InlineData("nms=none&max_detections=2", "red .9, red .8")]
    [InlineData("nms=soft", "red .9, green .7, blue .3, red .26")] // .8 * exp(-.75^2 / .5)
    [InlineData("nms=class&iou_threshold=0.745", "red .9, green .7, blue .3")]
    [InlineData("nms=diou&iou_threshold=0.745", "red .9, red .8, green .7, blue .3")] // .75 - 5^2 / (40^2 + 40^2) = .742
    [InlineData("max_detections=1", "red .9")]
    [InlineData("max_detections=10000", "red .9, green .7, blue .3")]
    [InlineData("classes=GREEN", "green .7")]
    [InlineData("classes=blue,0", "red .9, blue .3")]
    [InlineData("classes=2&classes=green", "green .7, blue .3")]
    [InlineData("classes=green&nms=agnostic", "green .7")] // what is not asked for suppresses nothing
    [InlineData("tile=off", "red .9, green .7, blue .3")]
    [InlineData("tile=auto", "red .9, green .7, blue .3")]
    [InlineData("tile=64x64&tile_overlap=0.9", "red .9, green .7, blue .3")]
    [InlineData("priority=1&timeout_ms=600000", "red .9, green .7, blue .3")]
    public async Task A_parameter_does_what_it_says(string query, string predictions) => Assert.Equal(
        predictions,
        (await _service.PostAsync($"/detect?model=fixed&{query}", Image)).MustBe(HttpStatusCode.OK).Predictions);

    [Theory]
    [InlineData("score_threshold=1.01", "Parameter 'score_threshold' must be a number from 0 to 1, not '1.01'.")]
    [InlineData("score_threshold=-0.1", "Parameter 'score_threshold' must be a number from 0 to 1, not '-0.1'.")]
    [InlineData("score_threshold=half", "Parameter 'score_threshold' must be a number from 0 to 1, not 'half'.")]
    [InlineData("score_threshold=NaN", "Parameter 'score_threshold' must be a number from 0 to 1, not 'NaN'.")]
    [InlineData("iou_threshold=2", "Parameter 'iou_threshold' must be a number from 0 to 1, not '2'.")]
    [InlineData("iou_threshold=", "Parameter 'iou_threshold' must be a number from 0 to 1, not ''.")]
    [InlineData("nms=wbf", "Parameter 'nms' must be one of class, agnostic, soft, diou, none, not 'wbf'.")]
    [InlineData("max_detections=0", "Parameter 'max_detections' must be a whole number from 1 to 10000, not '0'.")]
    [InlineData("max_detections=10001", "Parameter 'max_detections' must be a whole number from 1 to 10000, not '10001'.")]
    [InlineData("max_detections=1.5", "Parameter 'max_detections' must be a whole number from 1 to 10000, not '1.5'.")]
    [InlineData("classes=gren", "The model has no class 'gren' (did you mean 'green'?); it has 3, ids 0 to 2.")]
    [InlineData("classes=red,3", "The model has no class '3'; it has 3, ids 0 to 2.")]
    [InlineData("classes=-1", "The model has no class '-1'; it has 3, ids 0 to 2.")]
    [InlineData("tile=on", "Parameter 'tile' must be off, auto, or WIDTHxHEIGHT with sides from 32 to 16384, not 'on'.")]
    [InlineData("tile=640", "Parameter 'tile' must be off, auto, or WIDTHxHEIGHT with sides from 32 to 16384, not '640'.")]
    [InlineData("tile=31x640", "Parameter 'tile' must be off, auto, or WIDTHxHEIGHT with sides from 32 to 16384, not '31x640'.")]
    [InlineData("tile=640x16385", "Parameter 'tile' must be off, auto, or WIDTHxHEIGHT with sides from 32 to 16384, not '640x16385'.")]
    [InlineData("tile=640x-640", "Parameter 'tile' must be off, auto, or WIDTHxHEIGHT with sides from 32 to 16384, not '640x-640'.")]
    [InlineData("tile=64x64x64", "Parameter 'tile' must be off, auto, or WIDTHxHEIGHT with sides from 32 to 16384, not '64x64x64'.")]
    [InlineData("tile=64 x 64", "Parameter 'tile' must be off, auto, or WIDTHxHEIGHT with sides from 32 to 16384, not '64 x 64'.")]
    [InlineData("tile=99999999999x64", "Parameter 'tile' must be off, auto, or WIDTHxHEIGHT with sides from 32 to 16384, not '99999999999x64'.")]
    [InlineData("tile_overlap=0.91", "Parameter 'tile_overlap' must be a number from 0 to 0.9, not '0.91'.")]
    [InlineData("tile_overlap=-0.1", "Parameter 'tile_overlap' must be a number from 0 to 0.9, not '-0.1'.")]
    [InlineData("tile_overlap=inf", "Parameter 'tile_overlap' must be a number from 0 to 0.9, not 'inf'.")]
    [InlineData("top_k=5", $"Unknown parameter 'top_k'. {Known}")]
    [InlineData("scorethreshold=0.5", $"Unknown parameter 'scorethreshold' (did you mean 'score_threshold'?). {Known}")]
    [InlineData("nms=none&nms=none", "Parameter 'nms' is given more than once.")]
    public async Task A_wrong_parameter_is_refused_with_its_range_and_its_value(string query, string detail) => Assert.Equal(
        detail, (await _service.PostAsync($"/detect?model=fixed&{query}", Image)).Problem(400, "invalid-request"));

    [Fact]
    public async Task Too_many_tiles_are_refused_with_their_number_and_the_limit()
    {
        // Steps of 32: 1 + ceil((2000 - 32) / 32) = 63 in a row, 1 + ceil((1000 - 32) / 32) = 32 in a column.
        var answer = await _service.PostAsync("/detect?model=fixed&tile=32x32&tile_overlap=0", Of(2000, 1000));
        Assert.Equal(
            "Tiles of 32x32 cut the image of 2000 x 1000 pixels into 2016; 128 are allowed.", answer.Problem(
                400, "invalid-request"));
    }

    [Fact]
    public async Task Parameters_may_stand_in_a_form_or_in_json()
    {
        using var form = new MultipartFormDataContent
        {
            { new ByteArrayContent(Image), "image", "a.png" },
            { new StringContent("fixed"), "model" },
            { new StringContent("none"), "nms" },
        };
        Assert.Equal("red .9, red .8, green .7, blue .3", (await _service.PostAsync("/detect", form)).Predictions);

        var json = $$"""{"image": "{{Convert.ToBase64String(Image)}}", "model": "fixed", "classes": ["blue", 1], "max_detections": 5}""";
        Assert.Equal("green .7, blue .3", (await _service.PostJsonAsync("/detect", json)).Predictions);
    }

    [Fact]
    public async Task The_manifest_sets_what_a_request_leaves_out()
    {
        var detector = TinyDetectors.Fixed(
            (0, 0.9f, 0, 0, 40, 40), (0, 0.8f, 0, 0, 40, 30), (1, 0.7f, 0, 0, 40, 40), (2, 0.3f, 44, 44, 64, 64), (
                0, 0.2f, 44, 0, 60, 20));
        var folder = new ModelFolder();
        (string Output, string Query, string Predictions)[] rows =
        [
            ("conf: 0.75", "", "red .9"),
            ("conf: 0.75", "score_threshold=0.5", "red .9, green .7"),
            ("iou: 0.8", "", "red .9, red .8, green .7, blue .3"),
            ("iou: 0.8", "iou_threshold=0.5", "red .9, green .7, blue .3"),
            ("nms: none", "", "red .9, red .8, green .7, blue .3"),
            ("nms: in-graph", "", "red .9, red .8, green .7, blue .3"),
            ("nms: agnostic", "", "red .9, blue .3"),
            ("nms: agnostic", "nms=class", "red .9, green .7, blue .3"),
            ("per_class_conf: {green: 0.75, red: 0.1}", "", "red .9, blue .3, red .2"),
            ("per_class_conf: {green: 0.75, red: 0.1}", "score_threshold=0.25", "red .9, green .7, blue .3"), // the caller's word is for all
            ("per_class_conf: {green: 0.75, red: 0.1}", "classes=red", "red .9, red .2"),
            ("conf: 0.5, per_class_conf: {blue: 0.1}", "", "red .9, green .7, blue .3"),
        ];
        for (var i = 0; i < rows.Length; i++)
        {
            folder.Add(
                $"m{i}",
                detector.Clone(),
                $"{{{TinyDetectors.Unit}, output: {{{rows[i].Output}}}}}",
                ModelFolder.ColorLabels);
        }

        await using var service = await TestService.StartAsync(folder);
        for (var i = 0; i < rows.Length; i++)
        {
            var answer = await service.PostAsync($"/detect?model=m{i}&{rows[i].Query}", Image);
            Assert.Equal(
                (rows[i].Output, rows[i].Predictions), (rows[i].Output, answer.MustBe(HttpStatusCode.OK).Predictions));
        }
    }
}
