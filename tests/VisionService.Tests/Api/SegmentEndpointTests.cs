using System.Net;
using System.Net.Http.Headers;
using System.Numerics;
using System.Text.Json;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Imaging;
using VisionService.Segmentation;
using VisionService.Tests.Imaging;
using VisionService.Tests.Segmentation;
using JpegEncoder = SixLabors.ImageSharp.Formats.Jpeg.JpegEncoder;

namespace VisionService.Tests.Api;

public sealed class SegmentEndpointTests(SegmentFixture fixture) : IClassFixture<SegmentFixture>
{
    private const int Width = SegmentFixture.Width;
    private const int Height = SegmentFixture.Height;

    private TestService Service => fixture.Service;

    [Theory]
    [InlineData("planar")]
    [InlineData("interleaved")]
    [InlineData("indices")]
    public async Task The_map_of_a_model_at_full_resolution_is_the_drawing(string model)
    {
        var png = await PictureAsync($"/segment?model={model}", SegmentFixture.Scene(), "image/png");
        Assert.Equal(SegmentFixture.Drawn, PngValues.Read(png).Values.Select(id => (int)id));
    }

    [Fact]
    public async Task Class_ids_of_cells_fill_their_cells()
    {
        var png = await PictureAsync("/segment?model=indices4", SegmentFixture.Scene(), "image/png");
        Assert.Equal(SegmentFixture.Drawn, PngValues.Read(png).Values.Select(id => (int)id));
    }

    [Theory]
    [InlineData("planar4")]
    [InlineData("interleaved4")]
    public async Task Scores_of_cells_are_interpolated_before_the_best_is_taken(string model)
    {
        var png = PngValues.Read(await PictureAsync($"/segment?model={model}", SegmentFixture.Scene(), "image/png"));
        var (rows, columns) = (Height / 4, Width / 4);
        var cells = new float[3 * rows * columns];
        for (var i = 0; i < rows * columns; i++)
        {
            cells[(SegmentFixture.ColorAt(i % columns * 4, i / columns * 4) * rows * columns) + i] = 1;
        }

        var map = new LabelMap(Width, Height);
        png.Values.CopyTo(map.Ids, 0);
        var placement = new InputGeometry(Width, Height, ResizeMode.Stretch).Place(Width, Height);
        Scores.AssertBest(cells, 3, rows, columns, placement, map);
    }

    [Theory]
    [InlineData("planar")]
    [InlineData("planar4")]
    [InlineData("indices")]
    public async Task Classes_are_listed_with_their_pixels_largest_first(string model)
    {
        var classes = Classes(await SegmentAsync($"model={model}"));
        var pixels = classes.Select(found => found.GetProperty("pixels").GetInt64()).ToArray();
        Assert.Equal(Width * Height, pixels.Sum());
        Assert.Equal(pixels.OrderDescending(), pixels);
        Assert.Equal(1, classes.Sum(found => found.GetProperty("fraction").GetDouble()), 5);
        Assert.All(classes, found => Assert.Equal(
            found.GetProperty("pixels").GetInt64() / (double)(Width * Height),
            found.GetProperty("fraction").GetDouble(), 6));
    }

    [Fact]
    public async Task The_classes_are_those_of_the_drawing()
    {
        // The frame is 20 x 20 - 8 x 12 = 304 pixels, the bar 8 x 32 = 256, and 1280 - 304 - 256 = 720 are left.
        var answer = await SegmentAsync("model=planar");
        Assert.Equal("2 blue 720, 0 red 304, 1 green 256", Text(answer));
        Assert.Equal("""{"width":40,"height":32}""", answer.GetProperty("image").GetRawText());
        Assert.Equal("segment", answer.GetProperty("model").GetProperty("task").GetString());
        Assert.False(answer.TryGetProperty("predictions", out _));
    }

    [Fact]
    public async Task Two_classes_are_enough() =>
        Assert.Equal("0 red 1024, 1 green 256", Text(await SegmentAsync("model=two")));

    [Fact]
    public async Task Three_hundred_classes_are_told_apart()
    {
        Assert.Equal("292 class 292 720, 290 class 290 304, 291 class 291 256", Text(await SegmentAsync("model=many")));
        var png = PngValues.Read(await PictureAsync("/segment?model=many", SegmentFixture.Scene(), "image/png"));
        Assert.Equal((16, 0), (png.Bits, png.Color));
        Assert.Equal(SegmentFixture.Drawn, png.Values.Select(id => id - 290));
    }

    [Fact]
    public async Task One_channel_divides_the_picture_into_a_foreground_and_a_background()
    {
        Assert.Equal("0 background 976, 1 red 304", Text(await SegmentAsync("model=red-alone")));
        Assert.Equal("0 background 1280", Text(await SegmentAsync("model=red-alone&score_threshold=0.99")));
        Assert.Equal("1 red 1280", Text(await SegmentAsync("model=red-alone&score_threshold=0.01")));
    }

    [Fact]
    public async Task A_foreground_that_was_not_asked_for_is_not_shown()
    {
        Assert.Equal("0 background 976, 1 red 304", Text(await SegmentAsync("model=red-alone&classes=red")));
        Assert.Equal("0 background 1280", Text(await SegmentAsync("model=red-alone&classes=background")));
    }

    [Theory]
    [InlineData("red", "0 red 304")]
    [InlineData("red,GREEN", "0 red 304, 1 green 256")]
    [InlineData("2", "2 blue 720")]
    public async Task Only_the_classes_asked_for_are_shown(string classes, string expected)
    {
        foreach (var model in new[] { "planar", "interleaved", "indices" })
        {
            Assert.Equal(expected, Text(await SegmentAsync($"model={model}&classes={classes}")));
        }
    }

    [Fact]
    public async Task Classes_not_asked_for_are_void_without_a_background_and_background_with_one()
    {
        var png = PngValues.Read(
            await PictureAsync("/segment?model=planar&classes=green", SegmentFixture.Scene(), "image/png"));
        Assert.Equal(SegmentFixture.Drawn.Select(id => id == 1 ? 1 : 255), png.Values.Select(id => (int)id));
        png = PngValues.Read(
            await PictureAsync("/segment?model=with-background&classes=green", SegmentFixture.Scene(), "image/png"));
        Assert.Equal(SegmentFixture.Drawn.Select(id => id == 1 ? 1 : 0), png.Values.Select(id => (int)id));
        Assert.Equal("0 background 1024, 1 green 256", Text(await SegmentAsync("model=with-background&classes=green")));
    }

    [Fact]
    public async Task Run_lengths_are_the_encoding_unless_another_is_named_and_give_the_regions_back()
    {
        foreach (var query in new[] { "model=planar", "model=planar&mask=rle" })
        {
            foreach (var found in Classes(await SegmentAsync(query)))
            {
                var mask = found.GetProperty("mask");
                Assert.Equal("rle", mask.GetProperty("encoding").GetString());
                Assert.Equal("[32,40]", mask.GetProperty("size").GetRawText());
                Assert.False(mask.TryGetProperty("polygons", out _) || mask.TryGetProperty("png", out _));
                var decoded = RleMask.Parse(mask.GetProperty("counts").GetString()!, Width, Height).Decode();
                Assert.Equal(RegionText(found.GetProperty("class_id").GetInt32()), Blobs.Text(decoded, Width, Height));
            }
        }
    }

    [Fact]
    public async Task Polygons_give_the_regions_back_with_their_holes()
    {
        foreach (var found in Classes(await SegmentAsync("model=planar&mask=polygon")))
        {
            var mask = found.GetProperty("mask");
            Assert.Equal("polygon", mask.GetProperty("encoding").GetString());
            var drawn = Polygons.Fill(Rings(mask), 0, 0, Width, Height);
            var (id, right, either) = (found.GetProperty("class_id").GetInt32(), 0, 0);
            for (var i = 0; i < SegmentFixture.Drawn.Length; i++)
            {
                var (isDrawn, isMeant) = (drawn[i % Width, i / Width], SegmentFixture.Drawn[i] == id);
                right += isDrawn && isMeant ? 1 : 0;
                either += isDrawn || isMeant ? 1 : 0;
            }

            Assert.InRange((double)right / either, 0.995, 1);
            Assert.Equal(
                id switch { 0 => 2, 1 => 1, _ => 4 }, Rings(mask).Count); // red: one hole; blue: left, right, hole
        }
    }

    [Fact]
    public async Task A_png_holds_the_class_ids_of_the_whole_picture()
    {
        var answer = await SegmentAsync("model=planar&mask=png");
        Assert.All(Classes(answer), found => Assert.False(found.TryGetProperty("mask", out _)));
        var mask = answer.GetProperty("mask");
        Assert.Equal("png", mask.GetProperty("encoding").GetString());
        var png = PngValues.Read(mask.GetProperty("png").GetBytesFromBase64());
        Assert.Equal((Width, Height, 8, 3), (png.Width, png.Height, png.Bits, png.Color));
        Assert.Equal(SegmentFixture.Drawn, png.Values.Select(id => (int)id));
    }

    [Theory]
    [InlineData("planar")]
    [InlineData("interleaved")]
    [InlineData("indices")]
    public async Task A_map_can_have_the_size_of_what_the_network_got(string model)
    {
        // Three times as large as the input: each pixel of the drawing is nine of the photo.
        using var scene = Image.Load<Rgb24>(SegmentFixture.Scene());
        using var large = new Image<Rgb24>(Width * 3, Height * 3);
        for (var i = 0; i < large.Width * large.Height; i++)
        {
            large[i % large.Width, i / large.Width] = scene[i % large.Width / 3, i / large.Width / 3];
        }

        var photo = Photos.Encode(large);
        var answer = await SegmentAsync($"model={model}&mask=png&mask_size=network", photo);
        Assert.Equal("""{"width":120,"height":96}""", answer.GetProperty("image").GetRawText());
        Assert.Equal("2 blue 720, 0 red 304, 1 green 256", Text(answer));
        Assert.Equal("[32,40]", answer.GetProperty("mask").GetProperty("size").GetRawText());
        foreach (var png in new[]
        {
            answer.GetProperty("mask").GetProperty("png").GetBytesFromBase64(),
            await PictureAsync($"/segment?model={model}&mask_size=network", photo, "image/png"),
        })
        {
            var values = PngValues.Read(png);
            Assert.Equal((Width, Height), (values.Width, values.Height));
            Assert.Equal(SegmentFixture.Drawn, values.Values.Select(id => (int)id));
        }
    }

    [Theory]
    [InlineData("yolo", "application/json", "Parameter 'mask_size' is network, which only a model that names the class of every pixel has.")]
    [InlineData("planar", "image/jpeg", "Parameter 'mask_size' is network; image/jpeg shows the map over the image, as large as that.")]
    public async Task Objects_and_drawings_have_the_size_of_the_image(string model, string accept, string detail)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/segment?model={model}&mask_size=network");
        request.Headers.Accept.ParseAdd(accept);
        request.Content = new ByteArrayContent(SegmentFixture.Scene());
        var answer = (await Service.SendAsync(request)).MustBe(HttpStatusCode.BadRequest);
        Assert.Equal(detail, answer.Json.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task A_png_of_more_classes_than_a_palette_has_colors_is_grey_with_16_bits()
    {
        var mask = (await SegmentAsync("model=many&mask=png")).GetProperty("mask");
        var png = PngValues.Read(mask.GetProperty("png").GetBytesFromBase64());
        Assert.Equal((16, 0), (png.Bits, png.Color));
        Assert.Equal(SegmentFixture.Drawn, png.Values.Select(id => id - 290));
    }

    [Theory]
    [InlineData("planar", "classes")]
    [InlineData("yolo", "predictions")]
    public async Task Without_masks_only_areas_are_told(string model, string list)
    {
        var answer = await SegmentAsync($"model={model}&mask=none");
        Assert.False(answer.TryGetProperty("mask", out _));
        Assert.NotEqual(0, answer.GetProperty(list).GetArrayLength());
        Assert.All(
            answer.GetProperty(list).EnumerateArray(), found => Assert.False(found.TryGetProperty("mask", out _)));
    }

    [Fact]
    public async Task A_photo_taken_upright_is_answered_upright()
    {
        // The sensor saw the scene lying: EXIF 6 turns it by a quarter clockwise, so (x, y) was at (y, width - 1 - x).
        using var lying = new Image<Rgb24>(Height, Width);
        using var upright = Image.Load<Rgb24>(SegmentFixture.Scene());
        for (var i = 0; i < Width * Height; i++)
        {
            lying[i / Width, Width - 1 - (i % Width)] = upright[i % Width, i / Width];
        }

        var encoder = new JpegEncoder { Quality = 100, ColorType = JpegColorType.YCbCrRatio444 };
        var photo = Encoded.WithOrientation(Photos.Encode(lying, encoder), 6);
        var answer = await SegmentAsync("model=planar", photo);
        Assert.Equal("""{"width":40,"height":32}""", answer.GetProperty("image").GetRawText());
        Assert.Equal("2 blue 720, 0 red 304, 1 green 256", Text(answer));
        var png = PngValues.Read(await PictureAsync("/segment?model=planar", photo, "image/png"));
        Assert.Equal(SegmentFixture.Drawn, png.Values.Select(id => (int)id));
    }

    [Fact]
    public async Task An_overlay_tints_every_class_where_there_is_no_background()
    {
        using var drawn = Image.Load<Rgb24>(
            await PictureAsync(
                "/segment?model=planar&opacity=1", Photos.Of(new(255, 0, 0), null, 40, 32), "image/jpeg"));
        Assert.Equal((Width, Height), (drawn.Width, drawn.Height));
        var pixel = drawn[20, 16]; // class 0 in VOC's palette: black
        Assert.InRange(pixel.R, 0, 8);
    }

    [Fact]
    public async Task An_overlay_leaves_the_background_as_it_is()
    {
        using var drawn = Image.Load<Rgb24>(await PictureAsync(
            "/segment?model=with-background&opacity=1", Photos.Of(new(255, 0, 0), null, 40, 32), "image/jpeg"));
        Assert.InRange(drawn[20, 16].R, 247, 255);
    }

    [Theory]
    [InlineData("planar")]
    [InlineData("yolo")]
    public async Task An_overlay_of_no_opacity_is_the_picture(string model)
    {
        // Two greys, light enough to be no class's half colour: JPEG keeps them to a few levels, border included.
        using var greys = new Image<Rgb24>(64, 64, new Rgb24(90, 90, 200));
        for (var i = 0; i < 32 * 64; i++)
        {
            greys[i % 32, i / 32] = new Rgb24(200, 90, 90);
        }

        using var drawn = Image.Load<Rgb24>(
            await PictureAsync($"/segment?model={model}&opacity=0", Photos.Encode(greys), "image/jpeg"));
        using var plain = Image.Load<Rgb24>(Photos.Encode(greys, new JpegEncoder { Quality = 90 }));
        for (var i = 0; i < 64 * 64; i++)
        {
            Assert.InRange(Math.Abs(drawn[i % 64, i / 64].G - plain[i % 64, i / 64].G), 0, 12);
        }
    }

    [Fact]
    public async Task A_picture_is_of_one_image_alone()
    {
        foreach (var type in new[] { "image/png", "image/jpeg" })
        {
            using var content = new MultipartFormDataContent();
            content.Add(new ByteArrayContent(Photos.Red), "image", "a.png");
            content.Add(new ByteArrayContent(Photos.Green), "image", "b.png");
            using var request = new HttpRequestMessage(HttpMethod.Post, "/segment?model=planar") { Content = content };
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
            Assert.Contains("2", (await Service.SendAsync(request)).Problem(400, "invalid-request"));
        }
    }

    [Fact]
    public async Task Several_images_are_answered_in_order()
    {
        using var content = new MultipartFormDataContent();
        content.Add(new ByteArrayContent(Photos.Red), "image", "a.png");
        content.Add(new ByteArrayContent(Photos.Green), "image", "b.png");
        var answer = (await Service.PostAsync("/segment?model=planar", content)).MustBe(HttpStatusCode.OK).Json;
        Assert.Equal(
            ["0 red 16", "1 green 16"], answer.GetProperty("results").EnumerateArray().Select(result => Text(result)));
    }

    [Fact]
    public async Task Objects_come_with_boxes_pixels_and_masks_best_first()
    {
        var answer = await SegmentAsync("model=yolo", Grey);
        Assert.False(answer.TryGetProperty("classes", out _));
        Assert.Equal("disc .9, half .6, half .3", Answer.PredictionsOf(answer));
        Assert.Equal(["8,8,32,32", "40,34,56,54", "6,50,14,58"], Predictions(answer).Select(Box));
        Assert.Equal([576, 160, 0], Predictions(answer).Select(found => found.GetProperty("pixels").GetInt32()));
        Assert.Equal(
            [Rectangle(8, 8, 32, 32), Rectangle(48, 34, 56, 54), Rectangle(0, 0, 0, 0)],
            Predictions(answer).Select(found => Blobs.Text(
                RleMask.Parse(found.GetProperty("mask").GetProperty("counts").GetString()!, 64, 64).Decode(), 64, 64)));
    }

    [Fact]
    public async Task Objects_are_outlined_and_one_without_pixels_has_no_outline()
    {
        var masks = Predictions(await SegmentAsync("model=yolo&mask=polygon", Grey))
            .Select(found => found.GetProperty("mask")).ToArray();
        Assert.Equal(Rectangle(48, 34, 56, 54), Blobs.Text(Polygons.Fill(Rings(masks[1]), 0, 0, 64, 64), 64, 64));
        Assert.Equal("[]", masks[2].GetProperty("polygons").GetRawText());
    }

    [Fact]
    public async Task Pixels_of_a_map_of_objects_are_their_numbers()
    {
        int Number(int x, int y) => x is >= 8 and < 32 && y is >= 8 and < 32 ? 1
            : x is >= 48 and < 56 && y is >= 34 and < 54 ? 2 : 0;
        var expected = Enumerable.Range(0, 64 * 64).Select(i => Number(i % 64, i / 64)).ToArray();
        var png = PngValues.Read(await PictureAsync("/segment?model=yolo", Grey, "image/png"));
        Assert.Equal((64, 64, 8, 3), (png.Width, png.Height, png.Bits, png.Color));
        Assert.Equal(expected, png.Values.Select(id => (int)id));

        var mask = (await SegmentAsync("model=yolo&mask=png", Grey)).GetProperty("mask");
        Assert.Equal(
            expected, PngValues.Read(mask.GetProperty("png").GetBytesFromBase64()).Values.Select(id => (int)id));
    }

    [Theory]
    [InlineData("score_threshold=0.5", "disc .9, half .6")]
    [InlineData("score_threshold=0.95", "")]
    [InlineData("iou_threshold=1", "disc .9, disc .8, half .6, half .3")]
    [InlineData("max_detections=1", "disc .9")]
    [InlineData("classes=half", "half .6, half .3")]
    [InlineData("classes=half&max_detections=1", "half .6")]
    public async Task Objects_are_limited_by_score_overlap_number_and_class(string query, string expected)
    {
        Assert.Equal(expected, Answer.PredictionsOf(await SegmentAsync($"model=yolo&{query}", Grey)));
        Assert.Equal(
            expected,
                (await Service.PostAsync($"/detect?model=yolo&{query}", Grey)).MustBe(HttpStatusCode.OK).Predictions);
    }

    [Theory]
    [InlineData("yolo", 64, 64)]
    [InlineData("yolo", 50, 90)]
    [InlineData("yolo-strict", 64, 64)]
    public async Task A_model_of_masks_detects_the_same_boxes(string model, int width, int height)
    {
        var photo = Photos.Of(new Rgb24(90, 90, 90), null, width, height);
        var detected = (await Service.PostAsync($"/detect?model={model}", photo)).MustBe(HttpStatusCode.OK).Json;
        var segmented = await SegmentAsync($"model={model}", photo);
        Assert.Equal(Answer.PredictionsOf(detected), Answer.PredictionsOf(segmented));
        Assert.Equal(Predictions(detected).Select(Box), Predictions(segmented).Select(Box));
        Assert.NotEmpty(Predictions(segmented));
    }

    [Theory]
    [InlineData("mask=outline", "outline", "rle, polygon, png, alpha, none")]
    [InlineData("score_threshold=1.5", "1.5", "0 to 1")]
    [InlineData("iou_threshold=-1", "-1", "0 to 1")]
    [InlineData("opacity=2", "'2'", "0 to 1")]
    [InlineData("max_detections=0", "'0'", "1 to 1000")]
    [InlineData("classes=purple", "purple", "ids 0 to 2")]
    [InlineData("classes=3", "'3'", "ids 0 to 2")]
    public async Task A_wrong_parameter_is_named_with_its_value_and_its_range(string query, string value, string range)
    {
        var detail =
            (await Service.PostAsync($"/segment?model=planar&{query}", Photos.Red)).Problem(400, "invalid-request");
        Assert.Contains(value, detail, StringComparison.Ordinal);
        Assert.Contains(range, detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_classifier_draws_no_masks_and_a_map_has_no_boxes()
    {
        Assert.Contains(
            "colors", (await Service.PostAsync("/segment?model=colors", Photos.Red)).Problem(409, "wrong-task"));
        Assert.Contains(
            "planar", (await Service.PostAsync("/detect?model=planar", Photos.Red)).Problem(409, "wrong-task"));
    }

    private static byte[] Grey { get; } = Photos.Of(new Rgb24(90, 90, 90), null, 64, 64);

    private static JsonElement[] Classes(JsonElement answer) => [.. answer.GetProperty("classes").EnumerateArray()];

    private static JsonElement[] Predictions(JsonElement answer) =>
        [.. answer.GetProperty("predictions").EnumerateArray()];

    /// <summary>"2 blue 720, 0 red 304": id, label and pixels of each class.</summary>
    private static string Text(JsonElement answer) => string.Join(", ", Classes(answer).Select(found =>
        $"{found.GetProperty("class_id")} {found.GetProperty("label").GetString()} {found.GetProperty("pixels")}"));

    private static string Box(JsonElement found) => string.Join(
        ",", found.GetProperty("box").EnumerateObject().Select(side =>
            FormattableString.Invariant($"{side.Value.GetSingle():0.##}")));

    private static List<PolygonRing> Rings(JsonElement mask) =>
    [
        .. mask.GetProperty("polygons").EnumerateArray().Select(ring => new PolygonRing(
            [.. ring.EnumerateArray().Select(value => value.GetSingle()).Chunk(2)
                .Select(pair => new Vector2(pair[0], pair[1]))])),
    ];

    private static string RegionText(int id)
    {
        var mask = new InstanceMask(0, 0, Width, Height);
        for (var i = 0; i < SegmentFixture.Drawn.Length; i++)
        {
            if (SegmentFixture.Drawn[i] == id)
            {
                mask.Set(i / Width, i % Width, (i % Width) + 1);
            }
        }

        return Blobs.Text(mask, Width, Height);
    }

    private static string Rectangle(int left, int top, int right, int bottom)
    {
        var mask = new InstanceMask(0, 0, 64, 64);
        for (var y = top; y < bottom; y++)
        {
            mask.Set(y, left, right);
        }

        return Blobs.Text(mask, 64, 64);
    }

    private async Task<JsonElement> SegmentAsync(string query, byte[]? photo = null) =>
        (await Service.PostAsync($"/segment?{query}", photo ?? SegmentFixture.Scene(), null))
            .MustBe(HttpStatusCode.OK).Json;

    private async Task<byte[]> PictureAsync(string path, byte[] photo, string type)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(photo) };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
        var answer = (await Service.SendAsync(request)).MustBe(HttpStatusCode.OK);
        Assert.Equal(type, answer.Response.Content.Headers.ContentType?.MediaType);
        return await answer.Response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
    }
}
