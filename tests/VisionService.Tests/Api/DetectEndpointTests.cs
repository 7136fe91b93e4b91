using System.Net;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;
using VisionService.Tests.Detection;
using VisionService.Tests.Imaging;
using static VisionService.Tests.Detection.Scenes;

namespace VisionService.Tests.Api;

/// <summary>Where the boxes come out: in pixels of the upright image, whatever way it went into the network.</summary>
public class DetectEndpointTests(DetectFixture fixture) : IClassFixture<DetectFixture>
{
    private static readonly JpegEncoder FinestJpeg = new() { Quality = 100, ColorType = JpegColorType.YCbCrRatio444 };
    private readonly TestService _service = fixture.Service;

    [Fact]
    public async Task Every_detector_of_the_fixture_is_ready()
    {
        var models = (await _service.GetAsync("/models")).Json.GetProperty("models").EnumerateArray();
        Assert.All(
            models, static model => Assert.False(model.TryGetProperty("problem", out var problem), problem.ToString()));
    }

    [Fact]
    public async Task An_answer_has_the_approved_shape()
    {
        var answer = await _service.PostAsync("/detect?model=fixed&max_detections=1", Of(64, 64));
        var json = answer.Json;
        Assert.Equal("application/json", answer.Response.Content.Headers.ContentType?.ToString());
        Assert.Equal(
            """{"name":"fixed","version":"1","task":"detect","family":"yolov8"}""", json.GetProperty("model").GetRawText());
        Assert.Equal("""{"width":64,"height":64}""", json.GetProperty("image").GetRawText());
        Assert.Equal(
            """[{"label":"red","class_id":0,"score":0.9,"box":{"xmin":0,"ymin":0,"xmax":40,"ymax":40}}]""",
            json.GetProperty("predictions").GetRawText());
        Assert.True(json.TryGetProperty("timings_ms", out _));
    }

    [Theory] // 128 x 96 halved: 64 x 48, 8 rows of padding above where it is centred
    [InlineData("centred")]
    [InlineData("top-left")]
    [InlineData("any-size")]
    public async Task A_letterbox_is_undone(string model)
    {
        var image = Of(128, 96, (Red, 8, 0, 20, 96), (Blue, 40, 30, 128, 80));
        Assert.Equal(
            "red 8,0,20,96; blue 40,30,128,80", Found.In(await _service.PostAsync($"/detect?model={model}", image)));
    }

    [Theory]
    [InlineData("centred")]
    [InlineData("top-left")]
    [InlineData("any-size")]
    public async Task So_it_is_for_a_portrait(string model)
    {
        var image = Of(96, 128, (Red, 8, 0, 20, 96), (Green, 40, 30, 96, 128));
        Assert.Equal(
            "red 8,0,20,96; green 40,30,96,128", Found.In(await _service.PostAsync($"/detect?model={model}", image)));
    }

    [Fact] // 192 x 192 to 96 x 64: 2 pixels a column, 3 a row
    public async Task A_stretch_is_undone_side_by_side() => Assert.Equal(
        "green 0,30,192,60; blue 100,90,120,192",
        Found.In(await _service.PostAsync(
            "/detect?model=stretched", Of(192, 192, (Green, 0, 30, 192, 60), (Blue, 100, 90, 120, 192)))));

    [Fact] // 33 x 64 in 64 x 64: (64 - 33) / 2 - .1 = 15.4, 15 columns to the left and 16 to the right
    public async Task An_odd_padding_is_undone_by_the_columns_really_used() => Assert.Equal(
        "red 0,0,33,64", Found.In(await _service.PostAsync("/detect?model=centred", Of(33, 64, (Red, 0, 0, 33, 64)))));

    [Fact]
    public async Task A_box_that_hangs_over_the_edge_is_clipped_and_one_in_the_padding_is_dropped()
    {
        // 64 x 32 in the fixed detector's 64 x 64: rows 16 to 48 are the image; 0..40 of the input is -16..24 of it.
        var answer = await _service.PostAsync("/detect?model=fixed", Of(64, 32));
        Assert.Equal("red 0,0,40,24; green 0,0,40,24; blue 44,28,64,32", Found.In(answer));
        // 128 x 32: rows 24 to 40 are the image, and 44..64 lies below them.
        Assert.Equal("", Found.In(await _service.PostAsync("/detect?model=fixed&classes=blue", Of(128, 32))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(8)]
    public async Task A_photo_taken_with_a_turned_camera_gives_boxes_where_a_person_sees_the_objects(int orientation)
    {
        // What a person sees, 64 wide and 128 high: red at the top left, blue at the bottom right.
        using var upright = new Image<Rgb24>(64, 128);
        for (var y = 0; y < 32; y++)
        {
            for (var x = 0; x < 16; x++)
            {
                (upright[x, y], upright[63 - x, 127 - y]) = (Red, Blue);
            }
        }

        using var stored = upright.Clone(context => context.Rotate(Turn(orientation)));
        var file = Encoded.WithOrientation(Photos.Encode(stored, FinestJpeg), orientation);
        var answer = await _service.PostAsync("/detect?model=centred", file, "image/jpeg");
        Assert.Equal("""{"width":64,"height":128}""", answer.Json.GetProperty("image").GetRawText());
        Assert.Equal("red 0,0,16,32; blue 48,96,64,128", Found.In(answer));
    }

    [Theory] // 1024 x 768: at 64 x 48 the decoder gives an eighth, without antialiasing a quarter
    [InlineData("centred")]
    [InlineData("stretched")]
    [InlineData("any-size")]
    public async Task A_photo_decoded_smaller_gives_the_boxes_of_the_whole_one(string model)
    {
        (Rgb24, int, int, int, int)[] objects = [(Red, 64, 96, 320, 480), (Blue, 512, 192, 1024, 768)];
        var scaled = await _service.PostAsync(
            $"/detect?model={model}", Of(1024, 768, FinestJpeg, objects), "image/jpeg");
        var whole = await _service.PostAsync($"/detect?model={model}", Of(1024, 768, objects));
        Assert.Equal("red 64,96,320,480; blue 512,192,1024,768", Found.In(whole));
        Assert.Equal(Found.In(whole), Found.In(scaled));
        Assert.Equal("""{"width":1024,"height":768}""", scaled.Json.GetProperty("image").GetRawText());
    }

    [Fact]
    public async Task A_grey_model_sees_brightness() => Assert.Equal(
        "bright 16,20,64,40",
        Found.In(await _service.PostAsync(
            "/detect?model=grey", Of(128, 128, (White, 16, 20, 64, 40), (Blue, 80, 80, 100, 100)))));

    [Fact]
    public async Task Many_images_are_answered_in_their_order_each_with_its_own_problem()
    {
        using var form = new MultipartFormDataContent
        {
            { new ByteArrayContent(Of(64, 64, (Green, 0, 0, 8, 8))), "a", "a.png" },
            { new ByteArrayContent("no image"u8.ToArray()), "b", "b.png" },
            { new ByteArrayContent(Of(128, 64, (Blue, 0, 0, 8, 8))), "c", "c.png" },
            { new StringContent("centred"), "model" },
        };
        var results = (await _service.PostAsync("/detect", form)).MustBe(HttpStatusCode.OK).Json.GetProperty("results");
        Assert.Equal("green 0,0,8,8", Found.In(results[0]));
        Answer.ProblemOf(results[1], 422, "invalid-image");
        Assert.Equal("blue 0,0,8,8", Found.In(results[2]));
    }

    [Fact]
    public async Task An_image_of_one_pixel_is_answered() => Assert.Equal(
        "red 0,0,1,1", Found.In(await _service.PostAsync("/detect?model=centred", Of(1, 1, (Red, 0, 0, 1, 1)))));

    [Fact]
    public async Task A_strip_is_answered() => Assert.Equal(
        "", Found.In(await _service.PostAsync("/detect?model=any-size", Of(2000, 1))));

    [Fact]
    public async Task A_classifier_does_not_detect() => Assert.Equal(
        "Model 'colors' is for classify, not for detect.",
        (await _service.PostAsync("/detect?model=colors", Of(8, 8))).Problem(409, "wrong-task"));

    [Fact]
    public async Task A_run_that_fails_is_a_500_without_internals() => Assert.Equal(
        "The model failed on this input.",
        (await _service.PostAsync("/detect?model=afraid", Of(64, 64, (Green, 0, 0, 8, 8)))).Problem(
            500, "inference-failed"));

    private static RotateMode Turn(int orientation) => orientation switch
    {
        3 => RotateMode.Rotate180,
        6 => RotateMode.Rotate270, // the viewer turns it by 90 degrees
        8 => RotateMode.Rotate90,
        _ => RotateMode.None,
    };
}
