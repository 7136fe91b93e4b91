using System.Net.Http.Headers;
using System.Text;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.PixelFormats;

namespace VisionService.Tests.Api;

/// <summary>Every way to send an image and what to say about it.</summary>
public class RequestFormsTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    // ln 8 on one channel: 8 / (8 + 1 + 1), see TinyModels.Colors.
    private const string Red = "red .8, green .1, blue .1";
    private const string Green = "green .8, red .1, blue .1";

    private static readonly string RedBase64 = Convert.ToBase64String(Photos.Red);
    private static readonly string GreenBase64 = Convert.ToBase64String(Photos.Green);

    private readonly TestService _service = fixture.Service;

    [Theory]
    [InlineData("image/png")]
    [InlineData("image/jpeg")] // wrong, but the bytes say what they are
    [InlineData("IMAGE/X-Unheard-Of; q=1")]
    [InlineData("application/octet-stream")]
    [InlineData(null)]
    public async Task The_body_can_be_the_image(string? contentType) =>
        Assert.Equal(Red, (await _service.PostAsync("/classify", Photos.Red, contentType)).Predictions);

    public static TheoryData<IImageEncoder> Formats => [new PngEncoder(), new JpegEncoder(), new WebpEncoder(), new BmpEncoder(), new GifEncoder()];

    [Theory]
    [MemberData(nameof(Formats), DisableDiscoveryEnumeration = true)]
    public async Task Every_format_is_read(IImageEncoder encoder)
    {
        var answer = await _service.PostAsync("/classify?top_k=1", Photos.Of(new Rgb24(0, 255, 0), encoder, 16, 16), null);
        Assert.StartsWith("green .", answer.Predictions, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_chunked_body_can_be_the_image()
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/classify") { Content = new StreamContent(new MemoryStream(Photos.Red)) };
        request.Headers.TransferEncodingChunked = true;
        Assert.Equal(Red, (await _service.SendAsync(request)).Predictions);
    }

    [Fact]
    public async Task One_part_of_a_form_answers_one_result()
    {
        using var form = new MultipartFormDataContent { { new ByteArrayContent(Photos.Red), "photo", "red.png" } };
        Assert.Equal(Red, (await _service.PostAsync("/classify", form)).Predictions);
    }

    [Fact]
    public async Task Many_parts_of_any_name_answer_a_list_in_their_order()
    {
        using var form = new MultipartFormDataContent
        {
            { new ByteArrayContent(Photos.Green), "a", "x.png" },
            { new ByteArrayContent(Photos.Red), "b", "y.png" },
        };
        Assert.Equal([Green, Red], Results(await _service.PostAsync("/classify", form)));
    }

    [Fact]
    public async Task Fields_of_a_form_are_parameters_and_empty_ones_say_nothing()
    {
        using var form = new MultipartFormDataContent
        {
            { new StringContent("1"), "top_k" },
            { new ByteArrayContent(Photos.Red), "image", "red.png" },
            { new StringContent(""), "classes" },
        };
        Assert.Equal("red .8", (await _service.PostAsync("/classify", form)).Predictions);
    }

    [Fact]
    public async Task A_part_without_a_file_name_is_an_image_when_its_type_says_so()
    {
        using var image = new ByteArrayContent(Photos.Red);
        image.Headers.ContentType = new MediaTypeHeaderValue("image/png");
        using var form = new MultipartFormDataContent { { image, "image" } };
        Assert.Equal(Red, (await _service.PostAsync("/classify", form)).Predictions);
    }

    [Fact]
    public async Task A_file_field_that_was_left_empty_in_a_browser_says_nothing()
    {
        var body = Multipart("b", "name=\"image\"; filename=\"red.png\"", Photos.Red, "name=\"image\"; filename=\"\"", Array.Empty<byte>());
        Assert.Equal(Red, (await _service.PostAsync("/classify", body, "multipart/form-data; boundary=b")).Predictions);
    }

    [Theory]
    [InlineData("\"with spaces, and: a colon\"", "with spaces, and: a colon")]
    [InlineData("----WebKitFormBoundary7MA4YWxkTrZu0gW", "----WebKitFormBoundary7MA4YWxkTrZu0gW")]
    public async Task A_boundary_may_be_quoted(string said, string boundary)
    {
        var body = Multipart(boundary, "name=\"image\"; filename=\"red.png\"", Photos.Red);
        Assert.Equal(Red, (await _service.PostAsync("/classify", body, $"multipart/form-data; boundary={said}")).Predictions);
    }

    [Fact]
    public async Task Json_carries_base64() =>
        Assert.Equal(Red, (await _service.PostJsonAsync("/classify", $$"""{"image": "{{RedBase64}}"}""")).Predictions);

    [Fact]
    public async Task Json_carries_a_data_uri() =>
        Assert.Equal(Red, (await _service.PostJsonAsync("/classify", $$"""{"image": "data:image/png;base64,{{RedBase64}}"}""")).Predictions);

    [Fact]
    public async Task Json_may_escape_slashes_and_break_lines()
    {
        var escaped = string.Join("\\r\\n", RedBase64.Chunk(76).Select(line => new string(line))).Replace("/", "\\/", StringComparison.Ordinal);
        Assert.Equal(Red, (await _service.PostJsonAsync("/classify", $$"""{"image": "{{escaped}}"}""")).Predictions);
    }

    [Fact]
    public async Task A_list_of_images_answers_a_list_of_results() => Assert.Equal(
        [Red, Green],
        Results(await _service.PostJsonAsync("/classify", $$"""{"images": ["{{RedBase64}}", "data:;base64,{{GreenBase64}}"]}""")));

    [Fact]
    public async Task A_list_of_one_image_answers_a_list_of_one_result() =>
        Assert.Equal([Red], Results(await _service.PostJsonAsync("/classify", $$"""{"images": ["{{RedBase64}}"]}""")));

    [Theory]
    [InlineData("\"top_k\": 1", "red .8")]
    [InlineData("\"top_k\": \"1\"", "red .8")]
    [InlineData("\"score_threshold\": 5e-1", "red .8")]
    [InlineData("\"classes\": [\"Blue\", 1]", "green .1, blue .1")]
    [InlineData("\"classes\": \"blue,0\"", "red .8, blue .1")]
    [InlineData("\"classes\": 2", "blue .1")]
    [InlineData("\"model\": \"colors:1\"", Red)]
    public async Task Other_members_of_the_json_are_parameters(string member, string expected)
    {
        var answer = await _service.PostJsonAsync("/classify", $$"""{ {{member}}, "image": "{{RedBase64}}"}""");
        Assert.Equal(expected, answer.MustBe(System.Net.HttpStatusCode.OK).Predictions);
    }

    [Fact]
    public async Task A_bad_image_among_good_ones_is_a_problem_in_its_place()
    {
        var answer = await _service.PostJsonAsync(
            "/classify", $$"""{"images": ["{{RedBase64}}", "bm8gaW1hZ2U=", "{{GreenBase64}}"]}""");
        var results = answer.MustBe(System.Net.HttpStatusCode.OK).Json.GetProperty("results");
        Assert.Equal(3, results.GetArrayLength());
        Assert.Equal(Red, Answer.PredictionsOf(results[0]));
        Assert.NotEmpty(Answer.ProblemOf(results[1], 422, "invalid-image"));
        Assert.Equal(Green, Answer.PredictionsOf(results[2]));
    }

    internal static byte[] Multipart(string boundary, params object[] dispositionsAndBodies)
    {
        using var body = new MemoryStream();
        for (var i = 0; i < dispositionsAndBodies.Length; i += 2)
        {
            body.Write(Encoding.UTF8.GetBytes($"--{boundary}\r\nContent-Disposition: form-data; {dispositionsAndBodies[i]}\r\n\r\n"));
            body.Write((byte[])dispositionsAndBodies[i + 1]);
            body.Write("\r\n"u8);
        }

        body.Write(Encoding.UTF8.GetBytes($"--{boundary}--\r\n"));
        return body.ToArray();
    }

    private static string[] Results(Answer answer) =>
        [.. answer.MustBe(System.Net.HttpStatusCode.OK).Json.GetProperty("results").EnumerateArray().Select(Answer.PredictionsOf)];
}
