using System.Net;
using System.Net.Http.Headers;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Imaging;
using VisionService.Tests.Imaging;
using static VisionService.Tests.Detection.Scenes;

namespace VisionService.Tests.Api;

/// <summary>Answers of <c>/detect</c> drawn onto the image.</summary>
public class DrawnDetectionsTests(DetectFixture fixture) : IClassFixture<DetectFixture>
{
    private readonly TestService _service = fixture.Service;

    [Theory]
    [InlineData(320, 240)]
    [InlineData(1920, 1080)]
    [InlineData(4000, 3000)]
    public async Task A_png_has_the_size_of_the_image_and_its_class_colours_on_the_edges(int width, int height)
    {
        // A box in the middle and one that fills the lower right corner, in pixels that the network sees exactly.
        var unit = width / 64;
        var file = Of(
            width,
            height,
            (Red, 8 * unit, 8 * unit, 24 * unit, 24 * unit),
            (Blue, 40 * unit, 32 * unit, width, height));
        var (answer, picture) = await DrawAsync("centred", file, "image/png");
        using (picture)
        {
            Assert.Equal("image/png", answer.Response.Content.Headers.ContentType?.ToString());
            Assert.Equal((width, height), (picture.Width, picture.Height));
            Assert.Equal(new Rgb24(90, 90, 90), picture[2, height - 3]);
            foreach (var (id, found) in await FoundAsync(file))
            {
                var color = Rgb.OfClass(id);
                var edge = new Rgb24(color.R, color.G, color.B);
                var (left, top) = ((int)found.Left, (int)found.Top);
                var (right, bottom) = (Math.Min((int)found.Right, width) - 1, Math.Min((int)found.Bottom, height) - 1);
                Assert.Equal(
                    [edge, edge, edge, edge],
                    [
                        picture[left, bottom - 2], picture[right, (top + bottom) / 2],
                        picture[right - 2, bottom], picture[(left + right) / 2, bottom],
                    ]);
            }
        }
    }

    [Fact]
    public async Task A_jpeg_has_the_size_of_the_upright_image()
    {
        var photo = Encoded.WithOrientation(
            Encoded.Scene(96, 64, new SixLabors.ImageSharp.Formats.Jpeg.JpegEncoder()), 6);
        var (answer, picture) = await DrawAsync("fixed", photo, "image/jpeg");
        using (picture)
        {
            Assert.Equal("image/jpeg", answer.Response.Content.Headers.ContentType?.ToString());
            Assert.Equal((64, 96), (picture.Width, picture.Height));
        }
    }

    [Fact]
    public async Task A_caption_is_inside_even_where_its_box_is_at_the_border()
    {
        // 320 x 240; the caption "blue 0.90" of 9 letters is 9 * 6 - 1 + 4 = 57 x 12 pixels.
        var (_, picture) = await DrawAsync("centred", Of(320, 240, (Blue, 310, 0, 320, 10)), "image/png");
        using (picture)
        {
            var color = Rgb.OfClass(2);
            var ground = new Rgb24(color.R, color.G, color.B);
            Assert.Equal((ground, ground), (picture[263, 0], picture[319, 0]));
            Assert.NotEqual(ground, picture[262, 0]);
        }
    }

    [Fact]
    public async Task An_image_without_objects_comes_back_as_it_was()
    {
        var (_, picture) = await DrawAsync("centred", Of(50, 40), "image/png");
        using (picture)
        {
            Assert.All(
                from y in Enumerable.Range(0, 40) from x in Enumerable.Range(0, 50) select picture[x, y],
                static pixel => Assert.Equal(new Rgb24(90, 90, 90), pixel));
        }
    }

    [Fact]
    public async Task An_image_of_one_pixel_can_be_drawn_on()
    {
        var (_, picture) = await DrawAsync("centred", Of(1, 1, (Red, 0, 0, 1, 1)), "image/png");
        using (picture)
        {
            Assert.Equal((1, 1), (picture.Width, picture.Height));
        }
    }

    [Theory]
    [InlineData("image/*", "image/jpeg")]
    [InlineData("image/webp, image/png;q=0.5", "image/png")]
    [InlineData("*/*", "application/json")]
    [InlineData("image/png;q=0.1, application/json", "application/json")]
    public async Task The_form_is_negotiated(string accept, string given)
    {
        var answer = await SendAsync("/detect?model=fixed", Of(64, 64), accept);
        Assert.Equal(given, answer.MustBe(HttpStatusCode.OK).Response.Content.Headers.ContentType?.ToString());
    }

    [Fact]
    public async Task A_form_not_on_offer_is_a_406_with_those_that_are() => Assert.Equal(
        "'image/webp' is not on offer here; there is application/json, image/jpeg, image/png.",
        (await SendAsync("/detect?model=fixed", Of(8, 8), "image/webp")).Problem(406, "not-acceptable"));

    [Fact]
    public async Task A_classification_is_not_drawn() => Assert.Equal(
        "'image/png' is not on offer here; there is application/json.",
        (await SendAsync("/classify", Photos.Red, "image/png")).Problem(406, "not-acceptable"));

    [Fact]
    public async Task Several_images_are_not_drawn()
    {
        using var form = new MultipartFormDataContent
        {
            { new ByteArrayContent(Photos.Red), "a", "a.png" },
            { new ByteArrayContent(Photos.Red), "b", "b.png" },
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/detect?model=fixed") { Content = form };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("image/png"));
        Assert.Equal(
            "A drawn answer is of one image; the request has 2. Accept application/json instead.",
            (await _service.SendAsync(request)).Problem(400, "invalid-request"));
    }

    [Fact]
    public async Task A_problem_stays_a_problem_where_a_picture_was_asked_for()
    {
        var answer = await SendAsync("/detect?model=fixed", "no image"u8.ToArray(), "image/png");
        answer.Problem(422, "invalid-image");
    }

    private async Task<(Answer Answer, Image<Rgb24> Picture)> DrawAsync(string model, byte[] file, string accept)
    {
        var answer = await SendAsync($"/detect?model={model}", file, accept);
        answer.MustBe(HttpStatusCode.OK);
        var body = await answer.Response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        return (answer, Image.Load<Rgb24>(body));
    }

    private Task<Answer> SendAsync(string path, byte[] file, string accept)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(file) };
        request.Headers.TryAddWithoutValidation("Accept", accept);
        return _service.SendAsync(request);
    }

    private async Task<IEnumerable<(int ClassId, RectangleF Box)>> FoundAsync(byte[] file)
    {
        var answer = await _service.PostAsync("/detect?model=centred", file);
        return answer.Json.GetProperty("predictions").EnumerateArray().Select(static prediction =>
        {
            float Corner(string name) => prediction.GetProperty("box").GetProperty(name).GetSingle();
            return (
                prediction.GetProperty("class_id").GetInt32(),
                RectangleF.FromLTRB(Corner("xmin"), Corner("ymin"), Corner("xmax"), Corner("ymax")));
        });
    }
}
