using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Grpc.Core;
using VisionService.Tests.Api.Grpc;

namespace VisionService.Tests.Api.Edge;

/// <summary>Bodies that come compressed, honestly and not.</summary>
public class RequestBodyTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private readonly TestService _service = fixture.Service;

    private static readonly string Json = $$"""{"image": "{{Convert.ToBase64String(Photos.Red)}}", "top_k": 1}""";

    [Theory]
    [InlineData("gzip")]
    [InlineData("x-gzip")]
    [InlineData("GZIP")]
    [InlineData("deflate")]
    [InlineData("identity")]
    public async Task A_compressed_body_is_read(string encoding)
    {
        var answer = await PostAsync("/classify", Compress(Encoding.UTF8.GetBytes(Json), encoding), encoding);
        Assert.Equal("red .8", answer.MustBe(HttpStatusCode.OK).Predictions);
    }

    [Fact]
    public async Task An_inference_request_may_come_compressed_as_Tritons_clients_send_it()
    {
        var body = Encoding.UTF8.GetBytes(
            $$"""{"inputs": [{"name": "i", "shape": [1], "datatype": "BYTES", "data": ["{{Convert.ToBase64String(Photos.Red)}}"]}], "parameters": {"content_type": "image"} }""");
        var answer = await PostAsync("/v2/models/colors/infer", Compress(body, "deflate"), "deflate");
        Assert.Contains("red", answer.MustBe(HttpStatusCode.OK).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("br")]
    [InlineData("gzip, gzip")]
    [InlineData("zstd")]
    public async Task Another_encoding_is_refused_with_those_there_are(string encoding)
    {
        var answer = await PostAsync("/classify", [1, 2, 3], encoding);
        Assert.Contains("send gzip, deflate, or", answer.Problem(415, "unsupported-media-type"), StringComparison.Ordinal);
        Assert.Equal("gzip, deflate", answer.Header("Accept-Encoding"));

        answer = await PostAsync("/v2/models/colors/infer", [1, 2, 3], encoding);
        Assert.Contains("gzip, deflate", answer.MustBe(HttpStatusCode.UnsupportedMediaType).Json.GetProperty("error").GetString());
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task What_is_not_what_it_says_is_a_problem(string encoding)
    {
        var good = Compress(Encoding.UTF8.GetBytes(Json), encoding);
        var bent = good.ToArray();
        bent[good.Length / 2] ^= 0x55;
        foreach (var body in new[] { [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], good[..(good.Length / 2)], bent, [] })
        {
            (await PostAsync("/classify", body, encoding)).Problem(400, "invalid-request");
        }
    }

    [Theory]
    [InlineData("application/json", "", ' ', "once inflated; Api:MaxRequestBytes allows 67108864")] // JSON may begin with blanks
    [InlineData("image/png", "", 0, "Imaging:MaxBytes allows 20000000")]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=i; filename=i\r\n\r\n", 0, "Imaging:MaxBytes allows 20000000")]
    public async Task A_gigabyte_of_zeros_is_refused_where_the_limit_is(string contentType, string head, byte filler, string detail)
    {
        var bomb = Bomb(head, filler);
        Assert.InRange(bomb.Length, 1, 10_000_000);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < 16; i++)
        {
            var answer = await PostAsync("/classify", bomb, "gzip", contentType);
            Assert.Contains(detail, answer.Problem(413, "too-large"), StringComparison.Ordinal);
        }

        // What pools keep; sixteen gigabytes would have come out.
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 256 << 20);
    }

    [Fact]
    public async Task A_gRPC_message_that_inflates_without_end_is_refused()
    {
        using var client = new RpcClient(_service.GrpcAddress);
        var call = client.Vision.ClassifyAsync(
            new() { Image = RpcClient.Encoded(new byte[200 << 20]) },
            new Metadata { { "grpc-internal-encoding-request", "gzip" } }, // for Grpc.Net.Client: compress what is sent
            cancellationToken: TestContext.Current.CancellationToken);
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        (await _service.GetAsync("/healthz")).MustBe(HttpStatusCode.OK);
    }

    private static byte[] Compress(byte[] body, string encoding)
    {
        var compressed = new MemoryStream();
        using (Stream stream = encoding.ToLowerInvariant() switch
        {
            "deflate" => new ZLibStream(compressed, CompressionMode.Compress),
            "identity" => compressed,
            _ => new GZipStream(compressed, CompressionMode.Compress),
        })
        {
            stream.Write(body);
        }

        return compressed.ToArray();
    }

    /// <summary>A gigabyte of one byte behind a head.</summary>
    private static byte[] Bomb(string head, byte filler)
    {
        var block = new byte[1 << 20];
        Array.Fill(block, filler);
        var compressed = new MemoryStream();
        using (var stream = new GZipStream(compressed, CompressionLevel.Optimal))
        {
            stream.Write(Encoding.Latin1.GetBytes(head));
            for (var i = 0; i < 1024; i++)
            {
                stream.Write(block);
            }
        }

        return compressed.ToArray();
    }

    private Task<Answer> PostAsync(string path, byte[] body, string encoding, string contentType = "application/json")
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        content.Headers.TryAddWithoutValidation("Content-Encoding", encoding);
        return _service.PostAsync(path, content);
    }
}
