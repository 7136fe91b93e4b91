using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Explanation;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Api;

public sealed class ExplainEndpointTests(ExplainFixture fixture) : IClassFixture<ExplainFixture>
{
    private static readonly Rgb24 Red = new(255, 0, 0);

    private static readonly string[] OfWeights = ["cam", "gradcam", "gradcam++", "hirescam", "layercam", "xgradcam", "occlusion", "saliency"];

    public static TheoryData<string> Methods => [.. ExplainMethods.ByName.Keys.Where(method => method is not ("cam" or "activations"))];

    private TestService Service => fixture.Service;

    [Theory]
    [InlineData("linear", "cam")]
    [InlineData("deep", "gradcam")]
    [InlineData("opaque", "occlusion")]
    public async Task The_best_method_that_a_model_allows_is_taken(string model, string method)
    {
        var answer = await ExplainAsync(ExplainFixture.Spot(Red, 1, 6), $"model={model}");
        Assert.Equal(method, answer.GetProperty("method").GetString());
        Assert.Equal(("red", 0), (answer.GetProperty("target").GetProperty("label").GetString(), answer.GetProperty("target").GetProperty("class_id").GetInt32()));
    }

    [Fact]
    public async Task Every_map_of_a_spot_is_hot_where_the_spot_is()
    {
        foreach (var method in OfWeights)
        {
            var answer = await ExplainAsync(ExplainFixture.Spot(Red, 1, 6), $"model=linear&method={Uri.EscapeDataString(method)}");
            var grid = answer.GetProperty("heatmap").GetProperty("grid");
            var (width, values) = (grid.GetProperty("width").GetInt32(), Values(grid));
            var hottest = Array.IndexOf(values, values.Max());
            Assert.True((hottest % width * 8 / width, hottest / width * 8 / width) == (1, 6), $"{method}: {hottest} of {width}");
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Every_method_answers_with_a_map_and_a_picture_of_it(string method)
    {
        var answer = await ExplainAsync(ExplainFixture.Spot(Red, 2, 2, 40, 20), $"model=deep&method={Uri.EscapeDataString(method)}");
        var map = answer.GetProperty("heatmap");
        var png = PngValues.Read(map.GetProperty("png").GetBytesFromBase64());
        Assert.Equal((40, 20, 40, 20), (map.GetProperty("width").GetInt32(), map.GetProperty("height").GetInt32(), png.Width, png.Height));
        Assert.Equal(3, png.Color);
        Assert.All(png.Values, value => Assert.InRange(value, 1, 255));
        Assert.NotEmpty(Values(map.GetProperty("grid")));
        Assert.Equal(method, answer.GetProperty("method").GetString());
    }

    [Fact]
    public async Task In_a_linear_head_GradCAM_is_CAM_over_the_number_of_cells()
    {
        var photo = ExplainFixture.Spot(Red, 3, 4);
        var cam = Grid(await ExplainAsync(photo, "model=linear&method=cam"));
        var gradCam = Grid(await ExplainAsync(photo, "model=linear&method=gradcam"));
        Assert.Equal(cam.Length, gradCam.Length);
        Assert.All(cam.Zip(gradCam), pair => Assert.Equal(pair.First / 64, pair.Second, 4));
    }

    [Fact]
    public async Task What_the_crop_cuts_off_is_not_seen()
    {
        var answer = await ExplainAsync(ExplainFixture.Spot(Red, 3, 4, 64, 32), "model=cropped");
        var (seen, map) = (answer.GetProperty("seen"), answer.GetProperty("heatmap"));
        Assert.Equal((16, 0, 48, 32), (Edge(seen, "xmin"), Edge(seen, "ymin"), Edge(seen, "xmax"), Edge(seen, "ymax")));
        var png = PngValues.Read(map.GetProperty("png").GetBytesFromBase64());
        for (var i = 0; i < png.Values.Length; i++)
        {
            Assert.Equal(i % 64 is >= 16 and < 48, png.Values[i] > 0);
        }

        static int Edge(JsonElement box, string edge) => (int)box.GetProperty(edge).GetDouble();
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("letterboxed")]
    [InlineData("cropped")]
    public async Task A_drawn_map_lies_where_the_network_looked(string model)
    {
        using var drawn = await DrawAsync(ExplainFixture.Spot(Red, 3, 2, 96, 48), $"model={model}&opacity=1");
        Assert.Equal((96, 48), (drawn.Width, drawn.Height));

        // The middle of the spot, in columns and rows of an eighth: jet is dark red there, and blue far away.
        var (spot, far) = (drawn[(int)(3.5 * 96 / 8), (int)(2.5 * 48 / 8)], drawn[60, 40]);
        Assert.True(spot.R > 100 && spot.B < 100, $"{spot}");
        Assert.True(far.B > 100 && far.R < 60, $"{far}");
    }

    [Fact]
    public async Task Several_classes_are_explained_one_by_one()
    {
        var photo = ExplainFixture.Spot(new(255, 128, 0), 5, 5);
        var answer = await ExplainAsync(photo, "model=deep&class=red,green&method=gradcam");
        var alone = await ExplainAsync(photo, "model=deep&class=green&method=gradcam");
        var explanations = answer.GetProperty("explanations").EnumerateArray().ToArray();
        Assert.Equal(["red", "green"], explanations.Select(one => one.GetProperty("target").GetProperty("label").GetString()));
        Assert.Equal(Grid(alone), Values(explanations[1].GetProperty("heatmap").GetProperty("grid")));
    }

    [Fact]
    public async Task A_contrast_is_the_difference_of_two_maps()
    {
        var photo = ExplainFixture.Spot(new(255, 128, 0), 5, 5);
        var red = Grid(await ExplainAsync(photo, "model=linear&class=red"));
        var green = Grid(await ExplainAsync(photo, "model=linear&class=green"));
        foreach (var method in new[] { "cam", "gradcam" })
        {
            var scale = method == "cam" ? 1 : 64;
            var contrast = Grid(await ExplainAsync(photo, $"model=linear&class=red&against=green&method={method}"));
            Assert.All(contrast.Zip(red.Zip(green)), one => Assert.Equal(one.Second.First - one.Second.Second, one.First * scale, 3));
        }
    }

    [Fact]
    public async Task Verification_tells_a_map_from_a_random_one()
    {
        var scores = (await ExplainAsync(ExplainFixture.Spot(Red, 1, 6), "model=linear&verify=true")).GetProperty("faithfulness");
        Assert.True(Of("deletion") < Of("random_deletion"));

        // Blurring keeps the mean, and with it this model's score: what is inserted first does not matter.
        Assert.Equal(Of("random_insertion"), Of("insertion"), 2);

        double Of(string name) => scores.GetProperty(name).GetDouble();
    }

    [Fact]
    public async Task Feature_maps_come_as_numbers_and_as_a_grid()
    {
        var photo = ExplainFixture.Spot(Red, 1, 6);
        var answer = await ExplainAsync(photo, "model=linear&method=activations");
        var activations = answer.GetProperty("activations");
        Assert.Equal("cells", answer.GetProperty("layer").GetString());
        Assert.Equal([3, 8, 8], activations.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
        var expected = new float[3 * 64];
        expected[(6 * 8) + 1] = 1;
        Assert.Equal(expected, Values(activations));
        using var grid = await DrawAsync(photo, "model=linear&method=activations");
        Assert.True(grid.Width > 16 && grid.Height > 8);
    }

    [Fact]
    public async Task The_layers_are_listed_with_their_place_over_the_picture()
    {
        var layers = (await Service.GetAsync("/models/linear/layers")).MustBe(HttpStatusCode.OK).Json.GetProperty("layers");
        var cells = layers.EnumerateArray().Single(layer => layer.GetProperty("name").GetString() == "cells");
        Assert.Equal([1, 3, 8, 8], cells.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
        Assert.Equal("planar", cells.GetProperty("grid").GetProperty("layout").GetString());
        var scores = layers.EnumerateArray().Single(layer => layer.GetProperty("name").GetString() == "scores");
        Assert.False(scores.TryGetProperty("grid", out _));
    }

    [Fact]
    public async Task A_photo_explained_twice_gives_the_same_bytes()
    {
        var photo = ExplainFixture.Spot(new(200, 90, 30), 4, 3);
        foreach (var method in new[] { "gradcam", "smoothgrad", "rise", "integrated_gradients" })
        {
            var query = $"model=deep&method={method}&verify=true";
            var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => ExplainAsync(photo, query)));
            Assert.Single(answers.Select(answer => $"{answer.GetProperty("heatmap")} {answer.GetProperty("faithfulness")}").Distinct());
        }
    }

    [Theory]
    [InlineData("model=opaque&method=gradcam", "Model 'opaque' cannot be explained with gradcam: Not differentiable: ReverseSequence")]
    [InlineData("model=opaque&method=saliency", "Methods that work: eigencam, scorecam, occlusion, rise, activations.")]
    [InlineData("model=deep&method=cam", "its head is not an average over the picture and one linear step")]
    [InlineData("model=flat&method=eigencam", "no layer of it lies over the picture")]
    public async Task What_a_model_does_not_allow_is_refused_with_what_it_does(string query, string detail) =>
        Assert.Contains(detail, (await PostAsync(query)).Problem(422, "explain-unsupported"), StringComparison.Ordinal);

    [Theory]
    [InlineData("model=linear&method=gradcm", "Parameter 'method' must be one of auto, cam")]
    [InlineData("model=linear&layer=cell", "has no layer 'cell' (did you mean 'cells'?); GET /models/linear/layers lists them.")]
    [InlineData("model=linear&method=gradcam&layer=scores", "does not lie over the picture")]
    [InlineData("model=linear&class=purple", "The model has no class 'purple'")]
    [InlineData("model=linear&against=9", "The model has no class '9'")]
    [InlineData("model=linear&opacity=2", "Parameter 'opacity' must be a number from 0 to 1, not '2'.")]
    [InlineData("model=linear&verify=yes", "Parameter 'verify' must be one of true, false, not 'yes'.")]
    public async Task What_cannot_be_meant_is_refused_by_name(string query, string detail) =>
        Assert.Contains(detail, (await PostAsync(query)).Problem(400, "invalid-request"), StringComparison.Ordinal);

    [Fact]
    public async Task A_picture_shows_one_class() => Assert.Contains(
        "2 are asked for", (await SendAsync(Photos.Red, "model=linear&class=0,1", "image/png")).Problem(400, "invalid-request"), StringComparison.Ordinal);

    private static float[] Values(JsonElement holder) =>
        [.. holder.GetProperty("values").EnumerateArray().Select(value => value.GetSingle())];

    private static float[] Grid(JsonElement answer) => Values(answer.GetProperty("heatmap").GetProperty("grid"));

    private Task<Answer> PostAsync(string query) => Service.PostAsync($"/explain?{query}", Photos.Red);

    private async Task<JsonElement> ExplainAsync(byte[] photo, string query) =>
        (await Service.PostAsync($"/explain?{query}", photo)).MustBe(HttpStatusCode.OK).Json;

    private async Task<Image<Rgb24>> DrawAsync(byte[] photo, string query)
    {
        var answer = (await SendAsync(photo, query, "image/png")).MustBe(HttpStatusCode.OK);
        return Image.Load<Rgb24>(await answer.Response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    private Task<Answer> SendAsync(byte[] photo, string query, string accept)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/explain?{query}") { Content = new ByteArrayContent(photo) };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
        return Service.SendAsync(request);
    }
}
