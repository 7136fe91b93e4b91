using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.RegularExpressions;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;
using VisionService.Explanation;
using VisionService.Tests.Explanation;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Api;

public sealed partial class ExplainEndpointTests(ExplainFixture fixture) : IClassFixture<ExplainFixture>
{
    private static readonly string[] Classifiers =
    [
        "linear", "crop", "letterbox", "softmax", "half", "bytes", "interleaved", "batch-of-two", "batch-of-one", "background", "synsets",
    ];

    private static readonly string[] Edges = ["xmin", "ymin", "xmax", "ymax"];

    private readonly TestService _service = fixture.Service;

    public static TheoryData<string> Methods { get; } =
        [.. ExplainMethods.ByName.Keys.Where(name => name != "activations").Append("auto")];

    public static TheoryData<string> Models { get; } = [.. Classifiers];

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Every_method_lights_the_spot(string method) =>
        AssertLightsTheSpot(HeatAnswer.Of(await ExplainAsync($"model=linear&method={Uri.EscapeDataString(method)}&class=red")));

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Every_kind_of_input_lights_the_spot(string model)
    {
        var answer = await ExplainAsync($"model={model}");
        Assert.Equal("cam", answer.GetProperty("method").GetString());
        AssertLightsTheSpot(HeatAnswer.Of(answer));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Every_kind_of_input_has_gradients(string model)
    {
        foreach (var method in new[] { "gradcam", "saliency" })
        {
            AssertLightsTheSpot(HeatAnswer.Of(await ExplainAsync($"model={model}&method={method}")));
        }
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("gradcam")]
    [InlineData("saliency")]
    [InlineData("occlusion")]
    public async Task A_grey_network_lights_the_bright_spot(string method) =>
        AssertLightsTheSpot(HeatAnswer.Of(await ExplainAsync($"model=grey&method={method}")));

    [Fact]
    public async Task The_map_of_a_linear_head_is_weight_times_activation()
    {
        // The red square is 2 x 2 cells of 8 x 8.
        var map = HeatAnswer.Of(await ExplainAsync("model=linear&class=red", ExplainFixture.TwoSpots()));
        Assert.Equal((8, 8), (map.Width, map.Height));
        for (var i = 0; i < 64; i++)
        {
            Assert.Equal(i % 8 < 2 && i / 8 < 2 ? 8f : 0f, map.Values[i], 4);
        }
    }

    [Theory]
    [InlineData("linear", 1)]
    [InlineData("letterbox", 1)]
    [InlineData("crop", 0)]
    public async Task What_the_crop_cuts_off_is_not_seen(string model, int left)
    {
        var answer = await ExplainAsync($"model={model}");
        var (map, seen) = (HeatAnswer.Of(answer), answer.GetProperty("seen"));
        Assert.Equal(left, map.At(2, 40));
        Assert.Equal(1, map.At(30, 40));
        Assert.Equal(
            left == 1 ? "0 0 64 48" : "7.6 0 56.4 48", // 42 x 32, of which columns 5 to 37: times 64 / 42
            string.Join(' ', Edges.Select(edge => seen.GetProperty(edge).GetDouble().ToString("0.#", CultureInfo.InvariantCulture))));
    }

    [Theory]
    [InlineData(3, RotateMode.Rotate180)]
    [InlineData(6, RotateMode.Rotate270)]
    [InlineData(8, RotateMode.Rotate90)]
    public async Task The_spot_is_lit_where_it_is_in_the_upright_picture(int orientation, RotateMode turn)
    {
        using var image = Image.Load<Rgb24>(ExplainFixture.Spot());
        image.Mutate(context => context.Rotate(turn));
        var file = Encoded.WithOrientation(Photos.Encode(image, new JpegEncoder { Quality = 98 }), orientation);
        foreach (var model in new[] { "linear", "crop", "letterbox" })
        {
            AssertLightsTheSpot(HeatAnswer.Of(await ExplainAsync($"model={model}", file)));
        }
    }

    [Theory]
    [InlineData(40, 24)]
    [InlineData(90, 70)]
    [InlineData(300, 200)]
    public async Task A_network_that_takes_any_size_lights_the_corner(int width, int height)
    {
        using var image = new Image<Rgb24>(width, height);
        ExplainFixture.Paint(image, 0, 0, height / 3, new Rgb24(0, 255, 0));
        foreach (var method in new[] { "auto", "gradcam", "saliency" })
        {
            var map = HeatAnswer.Of(await ExplainAsync($"model=any-size&method={method}", Photos.Encode(image)));
            var (x, y) = map.Hottest;
            Assert.InRange(x * width, 0, height / 2.5);
            Assert.InRange(y * height, 0, height / 2.5);
        }
    }

    [Theory]
    [InlineData("linear", "cam")]
    [InlineData("two-convolutions", "gradcam")]
    [InlineData("early", "cam")]
    [InlineData("late", "occlusion")]
    [InlineData("flat", "occlusion")]
    [InlineData("map", "gradcam")]
    public async Task Auto_is_the_best_that_the_model_allows(string model, string method)
    {
        // Twice: what was learnt the first time must not change the choice.
        for (var round = 0; round < 2; round++)
        {
            Assert.Equal(method, (await ExplainAsync($"model={model}")).GetProperty("method").GetString());
        }
    }

    [Fact]
    public async Task A_score_that_the_quantiser_clips_has_a_gradient()
    {
        // Red alone, .5 x 8 = 4 where the quantiser ends at 2.
        var map = HeatAnswer.Of(await ExplainAsync("model=clipped&method=gradcam", Photos.Of(new Rgb24(128, 0, 0), width: 32, height: 32)));
        Assert.InRange(map[3, 3], 0.01f, 1);
    }

    [Fact]
    public async Task An_operator_without_a_gradient_is_a_422_that_lists_what_works()
    {
        const string AfterPixels = "cam, gradcam, gradcam++, hirescam, layercam, xgradcam, eigencam, scorecam, occlusion, rise, activations";
        var detail = (await PostAsync("model=early&method=saliency")).Problem(422, "explain-unsupported");
        Assert.StartsWith("Model 'early' cannot be explained with saliency: ", detail, StringComparison.Ordinal);
        Assert.Contains("Shrink", detail, StringComparison.Ordinal);
        Assert.EndsWith($"Methods that work: {AfterPixels}.", detail, StringComparison.Ordinal);
        foreach (var method in AfterPixels.Split(", "))
        {
            await ExplainAsync($"model=early&method={Uri.EscapeDataString(method)}");
        }
    }

    [Theory]
    [InlineData("late", "gradcam", "eigencam, scorecam, occlusion, rise, activations")]
    [InlineData("late", "saliency", "eigencam, scorecam, occlusion, rise, activations")]
    [InlineData("late", "cam", "eigencam, scorecam, occlusion, rise, activations")]
    [InlineData("late-unasked", "cam", "eigencam, scorecam, occlusion, rise, activations")]
    [InlineData("flat", "gradcam", "saliency, integrated_gradients, smoothgrad, guided_backprop, occlusion, rise")]
    public async Task What_a_422_lists_works(string model, string method, string working)
    {
        var detail = (await PostAsync($"model={model}&method={method}", Photos.Red)).Problem(422, "explain-unsupported");
        Assert.EndsWith($"Methods that work: {working}.", detail, StringComparison.Ordinal);
        foreach (var other in working.Split(", "))
        {
            await ExplainAsync($"model={model}&method={other}", Photos.Red);
        }
    }

    [Fact]
    public async Task A_layer_that_is_named_is_refused_alike_each_time()
    {
        for (var round = 0; round < 2; round++)
        {
            (await PostAsync("model=late&layer=cells")).Problem(422, "explain-unsupported");
        }
    }

    [Fact]
    public async Task A_layer_can_be_named()
    {
        var answer = await ExplainAsync("model=linear&method=gradcam&layer=cells");
        Assert.Equal("cells", answer.GetProperty("layer").GetString());
    }

    [Fact]
    public async Task An_unknown_layer_is_a_400_with_the_nearest_name() => Assert.Equal(
        "Model 'linear' has no layer 'cell' (did you mean 'cells'?); GET /models/linear/layers lists them.",
        (await PostAsync("model=linear&layer=cell")).Problem(400, "invalid-request"));

    [Fact]
    public async Task A_layer_that_does_not_lie_over_the_picture_is_a_400() => Assert.Equal(
        "Layer 'scores' has the shape [1, 3], which does not lie over the picture; GET /models/linear/layers says which do.",
        (await PostAsync("model=linear&layer=scores")).Problem(400, "invalid-request"));

    [Theory]
    [InlineData("saliency")]
    [InlineData("occlusion")]
    public async Task A_layer_for_a_method_that_looks_at_none_is_a_400(string method) => Assert.Equal(
        $"Method {method} looks at no layer; leave 'layer' out.",
        (await PostAsync($"model=linear&method={method}&layer=cells")).Problem(400, "invalid-request"));

    [Theory]
    [InlineData("linear", "green", "green", 1)]
    [InlineData("linear", "2", "blue", 2)]
    [InlineData("synsets", "n00000002", "green", 1)]
    [InlineData("background", "green", "green", 1)]
    public async Task A_class_is_named_by_label_id_or_synset(string model, string said, string label, int id)
    {
        var target = (await ExplainAsync($"model={model}&class={said}")).GetProperty("target");
        Assert.Equal((label, id), (target.GetProperty("label").GetString(), target.GetProperty("class_id").GetInt32()));
    }

    [Fact]
    public async Task An_unknown_class_is_a_400_with_the_nearest_name() =>
        Assert.Contains("'green'", (await PostAsync("model=linear&class=gren")).Problem(400, "invalid-request"), StringComparison.Ordinal);

    [Theory]
    [InlineData("model=linear&detection=0", "detection")]
    [InlineData("model=map&against=red", "against")]
    [InlineData("model=detector&against=red", "against")]
    public async Task A_parameter_of_another_task_is_a_400(string query, string parameter) => Assert.StartsWith(
        $"Parameter '{parameter}' is for ", (await PostAsync(query)).Problem(400, "invalid-request"), StringComparison.Ordinal);

    [Theory]
    [InlineData("cam")]
    [InlineData("gradcam")]
    [InlineData("saliency")]
    [InlineData("occlusion")]
    public async Task Several_classes_are_explained_as_each_alone(string method)
    {
        var both = await ExplainAsync($"model=linear&method={method}&class=green,red", ExplainFixture.TwoSpots());
        Assert.False(both.TryGetProperty("heatmap", out _));
        var explanations = both.GetProperty("explanations").EnumerateArray().ToArray();
        Assert.Equal(["green", "red"], explanations.Select(one => one.GetProperty("target").GetProperty("label").GetString()));
        foreach (var explained in explanations)
        {
            var label = explained.GetProperty("target").GetProperty("label").GetString();
            var alone = await ExplainAsync($"model=linear&method={method}&class={label}", ExplainFixture.TwoSpots());
            Assert.Equal(alone.GetProperty("heatmap").GetRawText(), explained.GetProperty("heatmap").GetRawText());
        }
    }

    [Fact]
    public async Task Several_classes_in_one_picture_are_a_400() => Assert.Equal(
        "A drawn answer is of one class; 2 are asked for. Ask for an answer that is not drawn.",
        (await _service.SendAsync(Request("model=linear&class=green,red", "image/png"))).Problem(400, "invalid-request"));

    [Theory]
    [InlineData("cam")]
    [InlineData("gradcam")]
    public async Task Against_is_the_difference_of_the_two_maps(string method)
    {
        async Task<float[]> MapAsync(string query) =>
            HeatAnswer.Of(await ExplainAsync($"model=linear&method={method}&{query}", ExplainFixture.TwoSpots())).Values;
        var (red, green, contrast) = (await MapAsync("class=red"), await MapAsync("class=green"), await MapAsync("class=red&against=green"));
        Near.Equal([.. red.Zip(green, (a, b) => a - b)], contrast);
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("softmax")]
    [InlineData("half")]
    [InlineData("background")]
    public async Task Cam_is_gradcam_times_the_cells(string model)
    {
        var cam = HeatAnswer.Of(await ExplainAsync($"model={model}&method=cam&class=red"));
        var gradCam = HeatAnswer.Of(await ExplainAsync($"model={model}&method=gradcam&class=red"));
        Near.Equal(cam.Values, Array.ConvertAll(gradCam.Values, value => value * 64));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task What_is_explained_is_what_classify_answers(string model)
    {
        var best = (await _service.PostAsync($"/classify?model={model}&top_k=1", ExplainFixture.Spot())).Json.GetProperty("predictions")[0];
        foreach (var method in new[] { "cam", "gradcam", "saliency", "occlusion" })
        {
            var target = (await ExplainAsync($"model={model}&method={method}")).GetProperty("target");
            Assert.Equal(best.GetProperty("label").GetString(), target.GetProperty("label").GetString());
            Assert.Equal(best.GetProperty("score").GetDouble(), target.GetProperty("score").GetDouble(), 5);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task An_object_is_explained_by_its_place_in_the_list_of_detect(int index)
    {
        var found = (await _service.PostAsync("/detect?model=detector", ExplainFixture.TwoSpots())).Json.GetProperty("predictions")[index];
        var target = (await ExplainAsync($"model=detector&method=occlusion&detection={index}", ExplainFixture.TwoSpots())).GetProperty("target");
        foreach (var member in new[] { "label", "class_id", "score", "box" })
        {
            Assert.Equal(found.GetProperty(member).GetRawText(), target.GetProperty(member).GetRawText());
        }
    }

    [Fact]
    public async Task An_object_that_is_not_there_is_a_400() => Assert.Equal(
        "Parameter 'detection' is 7; the model finds 1 objects, counted from 0.",
        (await PostAsync("model=detector&detection=7")).Problem(400, "invalid-request"));

    [Fact]
    public async Task A_map_is_explained_by_the_class_that_covers_most()
    {
        var answer = await ExplainAsync("model=map&class=red", Photos.Of(new Rgb24(200, 0, 0), width: 40, height: 32));
        Assert.Equal("red", answer.GetProperty("target").GetProperty("label").GetString());
        Assert.Equal(1, answer.GetProperty("target").GetProperty("score").GetDouble(), 3);
    }

    [Fact]
    public async Task Verifying_adds_scores_that_a_true_map_wins()
    {
        var scores = (await ExplainAsync("model=linear&verify=true")).GetProperty("faithfulness");
        Assert.True(scores.GetProperty("deletion").GetDouble() < scores.GetProperty("random_deletion").GetDouble());
        Assert.True(scores.GetProperty("insertion").GetDouble() > scores.GetProperty("random_insertion").GetDouble());
    }

    [Fact]
    public async Task Activations_are_numbers_by_channel()
    {
        var answer = await ExplainAsync("model=linear&method=activations", Photos.Of(new Rgb24(255, 0, 51), width: 32, height: 32));
        Assert.Equal("cells", answer.GetProperty("layer").GetString());
        Assert.Equal("[3,8,8]", answer.GetProperty("activations").GetProperty("shape").GetRawText());
        var values = answer.GetProperty("activations").GetProperty("values").EnumerateArray().Select(value => value.GetSingle()).ToArray();
        Assert.Equal(192, values.Length);
        Assert.All(values[..64], value => Assert.Equal(1f, value, 4));
        Assert.All(values[64..128], value => Assert.Equal(0f, value, 4));
        Assert.All(values[128..], value => Assert.Equal(0.2f, value, 4));
    }

    [Theory]
    [InlineData("image/png")]
    [InlineData("image/jpeg")]
    public async Task A_drawn_answer_is_as_large_as_the_image_and_grey_where_it_was_not_seen(string form)
    {
        using var image = Image.Load<Rgb24>(await PictureAsync("model=crop", Photos.Of(new Rgb24(200, 40, 40), width: 64, height: 48), form));
        Assert.Equal((64, 48), (image.Width, image.Height));
        var outside = image[2, 20];
        Assert.InRange(Math.Abs(outside.R - outside.B), 0, 8);
        var inside = image[32, 20];
        Assert.NotInRange(Math.Abs(inside.R - inside.B), 0, 8);
    }

    [Fact]
    public async Task Opacity_0_is_the_picture()
    {
        using var image = Image.Load<Rgb24>(await PictureAsync("model=linear&opacity=0", ExplainFixture.TwoSpots(), "image/png"));
        Assert.Equal(new Rgb24(255, 0, 0), image[3, 3]);
        Assert.Equal(new Rgb24(0, 0, 0), image[20, 3]);
    }

    [Fact]
    public async Task Drawn_activations_are_a_grid_of_channels()
    {
        // Three channels of 8 x 8, six times enlarged, with gaps of a pixel: two columns and two rows.
        using var image = Image.Load<Rgb24>(await PictureAsync("model=linear&method=activations", ExplainFixture.Spot(), "image/png"));
        Assert.Equal((99, 99), (image.Width, image.Height));
    }

    [Fact]
    public async Task The_heat_map_is_a_palette_picture_in_the_colours_that_were_asked_for()
    {
        var file = (await ExplainAsync("model=linear&colormap=viridis")).GetProperty("heatmap").GetProperty("png").GetBytesFromBase64();
        Assert.Equal(3, PngValues.Read(file).Color);
        using var image = Image.Load<Rgb24>(file);
        Assert.Equal(new Rgb24(68, 1, 84), image[5, 40]); // viridis begins in purple
    }

    [Fact]
    public async Task Two_images_have_two_results()
    {
        using var form = new MultipartFormDataContent
        {
            { new ByteArrayContent(ExplainFixture.Spot()), "a", "a.png" },
            { new ByteArrayContent(ExplainFixture.TwoSpots()), "b", "b.png" },
        };
        var results = (await _service.PostAsync("/explain?model=linear&class=red", form)).MustBe(HttpStatusCode.OK).Json.GetProperty("results");
        Assert.Equal(2, results.GetArrayLength());
        AssertLightsTheSpot(HeatAnswer.Of(results[0]));
        Assert.Equal((32, 32), (HeatAnswer.Of(results[1]).Picture.Width, HeatAnswer.Of(results[1]).Picture.Height));
    }

    [Fact]
    public async Task A_photo_explained_again_gives_the_same_bytes_also_beside_others()
    {
        foreach (var query in new[] { "model=linear&method=rise&verify=true", "model=two-convolutions&method=smoothgrad", "model=detector&method=occlusion" })
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
                Timings().Replace((await PostAsync(query)).MustBe(HttpStatusCode.OK).Text, "")));
            Assert.Single(answers.Distinct());
        }

        var pictures = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => PictureAsync("model=linear", ExplainFixture.Spot(), "image/jpeg")));
        Assert.All(pictures, picture => Assert.Equal(pictures[0], picture));
    }

    [Fact]
    public async Task The_layers_of_a_model_are_listed_in_order_with_their_shapes()
    {
        var layers = (await _service.GetAsync("/models/linear/layers")).MustBe(HttpStatusCode.OK).Json.GetProperty("layers").EnumerateArray().ToArray();
        var cells = layers.Single(layer => layer.GetProperty("name").GetString() == "cells");
        Assert.Equal(
            """{"name":"cells","operator":"Relu","shape":[1,3,8,8],"grid":{"layout":"planar","channels":3,"height":8,"width":8}}""",
            cells.GetRawText());
        Assert.Equal("scores", layers[^1].GetProperty("name").GetString());
        Assert.False(layers[^1].TryGetProperty("grid", out _));
    }

    [Fact]
    public async Task The_layers_of_an_unknown_model_are_a_404() =>
        (await _service.GetAsync("/models/lineal/layers")).Problem(404, "model-not-found");

    [GeneratedRegex("\"timings_ms\":\\{[^}]*\\}")]
    private static partial Regex Timings();

    /// <summary>The hottest pixel lies in the spot, and what is far from it is cold.</summary>
    private static void AssertLightsTheSpot(HeatAnswer map)
    {
        Assert.Equal((ExplainFixture.Width, ExplainFixture.Height), (map.Picture.Width, map.Picture.Height));
        var (x, y) = map.Hottest;
        Assert.InRange(x * ExplainFixture.Width, ExplainFixture.Left, ExplainFixture.Left + ExplainFixture.SpotSide);
        Assert.InRange(y * ExplainFixture.Height, ExplainFixture.Top, ExplainFixture.Top + ExplainFixture.SpotSide);
    }

    private static HttpRequestMessage Request(string query, string form, byte[]? image = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/explain?{query}") { Content = new ByteArrayContent(image ?? ExplainFixture.Spot()) };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(form));
        return request;
    }

    private Task<Answer> PostAsync(string query, byte[]? image = null) =>
        _service.PostAsync($"/explain?{query}", image ?? ExplainFixture.Spot(), null);

    private async Task<JsonElement> ExplainAsync(string query, byte[]? image = null) =>
        (await PostAsync(query, image)).MustBe(HttpStatusCode.OK).Json;

    private async Task<byte[]> PictureAsync(string query, byte[] image, string form)
    {
        using var request = Request(query, form, image);
        using var response = await _service.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(form, response.Content.Headers.ContentType?.MediaType);
        return await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
    }
}
