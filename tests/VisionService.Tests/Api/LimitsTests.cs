using System.Net;

namespace VisionService.Tests.Api;

/// <summary>What is too large is refused with the limit's name and value, however it comes.</summary>
public sealed class LimitsTests : IAsyncLifetime
{
    private const int MaxBytes = 1000;
    private const int MaxRequestBytes = 4000;

    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(
        ModelFolder.WithColors(),
        "--Imaging:MaxBytes", $"{MaxBytes}", "--Api:MaxRequestBytes", $"{MaxRequestBytes}", "--Api:MaxImages", "3");

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task A_raw_image_over_the_limit_is_refused() => Assert.Equal(
        "The upload has 1001 bytes; Imaging:MaxBytes allows 1000.",
        (await _service.PostAsync("/classify", new byte[MaxBytes + 1])).Problem(413, "too-large"));

    [Fact]
    public async Task A_raw_image_at_the_limit_is_read()
    {
        byte[] padded = [.. Photos.Red, .. new byte[MaxBytes - Photos.Red.Length]];
        (await _service.PostAsync("/classify", padded)).MustBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_chunked_image_over_the_limit_is_refused() => Assert.Equal(
        "The upload has more than 1000 bytes; Imaging:MaxBytes allows 1000.",
        (await PostChunkedAsync(new byte[MaxBytes + 1], "image/png")).Problem(413, "too-large"));

    [Fact]
    public async Task A_body_over_the_limit_is_refused_before_it_is_read() => Assert.Equal(
        "The request has 4001 bytes; Api:MaxRequestBytes allows 4000.",
        (await _service.PostAsync("/classify", new byte[MaxRequestBytes + 1], "application/json")).Problem(413, "too-large"));

    [Theory]
    [InlineData("application/json")]
    [InlineData("multipart/form-data; boundary=b")]
    public async Task A_chunked_body_over_the_limit_is_refused(string contentType)
    {
        var body = contentType == "application/json"
            ? [.. "{\"image\": \""u8, .. Enumerable.Repeat((byte)'A', 2 * MaxRequestBytes)]
            : RequestFormsTests.Multipart(
                "b", [.. Enumerable.Repeat<object[]>(["name=\"i\"; filename=\"i\"", new byte[MaxBytes]], 8).SelectMany(part => part)]);
        var detail = (await PostChunkedAsync(body, contentType)).Problem(413, "too-large");
        Assert.Contains($"Api:MaxRequestBytes allows {MaxRequestBytes}", detail);
    }

    [Fact]
    public async Task A_part_over_the_limit_is_refused()
    {
        using var form = new MultipartFormDataContent { { new ByteArrayContent(new byte[MaxBytes + 1]), "image", "a.png" } };
        Assert.Equal(
            "The upload has more than 1000 bytes; Imaging:MaxBytes allows 1000.",
            (await _service.PostAsync("/classify", form)).Problem(413, "too-large"));
    }

    [Fact]
    public async Task A_base64_image_over_the_limit_is_refused()
    {
        var detail = (await _service.PostJsonAsync("/classify", $$"""{"image": "{{Convert.ToBase64String(new byte[1200])}}"}""")).Problem(413, "too-large");
        Assert.Equal("An image in 'image' has about 1200 bytes; Imaging:MaxBytes allows 1000.", detail);
    }

    [Theory]
    [InlineData(3, 200)]
    [InlineData(4, 413)]
    public async Task More_images_than_allowed_are_refused(int count, int status)
    {
        using var form = new MultipartFormDataContent();
        for (var i = 0; i < count; i++)
        {
            form.Add(new ByteArrayContent(Photos.Red), "image", "red.png");
        }

        var answer = await _service.PostAsync("/classify", form);
        if (status == 200)
        {
            Assert.Equal(count, answer.MustBe(HttpStatusCode.OK).Json.GetProperty("results").GetArrayLength());
        }
        else
        {
            Assert.Equal("The request has more than 3 images; Api:MaxImages allows no more.", answer.Problem(413, "too-large"));
        }
    }

    [Fact]
    public async Task Two_hundred_megabytes_are_refused_before_they_are_sent()
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/classify") { Content = new ByteArrayContent(new byte[200_000_000]) };
        request.Headers.ExpectContinue = true; // as curl does
        Assert.Contains("200000000", (await _service.SendAsync(request)).Problem(413, "too-large"));
    }

    private Task<Answer> PostChunkedAsync(byte[] body, string contentType)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/classify") { Content = new StreamContent(new MemoryStream(body)) };
        request.Headers.TransferEncodingChunked = true;
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        return _service.SendAsync(request);
    }
}
