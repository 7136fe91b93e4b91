using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Google.Protobuf;
using Google.Rpc;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Tests.Api.Grpc;

/// <summary>What goes over the wire byte by byte, well formed and not; the server lives on after each.</summary>
public sealed class FramesOnTheWireTests(FramesOnTheWireTests.Fixture fixture) : IClassFixture<FramesOnTheWireTests.Fixture>
{
    private const int MaxRequestBytes = 1_000_000;

    private readonly TestService _service = fixture.Service;

    [Theory]
    [InlineData("identity,gzip", 1)]
    [InlineData("identity", 0)]
    public async Task A_large_answer_is_packed_for_those_who_take_gzip(string accepted, byte flag)
    {
        var request = new Proto.ExplainRequest { Image = RpcClient.Encoded(Photos.Red), Method = "occlusion", Model = "wide" };
        var (body, status) = await PostAsync("Explain", Framed(request.ToByteArray()), ("grpc-accept-encoding", accepted));
        Assert.Equal("0", status);
        Assert.Equal(flag, body[0]);
        Assert.Equal(body.Length - 5, (int)BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1)));
        var message = new MemoryStream(body, 5, body.Length - 5);
        var answer = Proto.ExplainResponse.Parser.ParseFrom(flag == 1 ? new GZipStream(message, CompressionMode.Decompress) : message);
        Assert.Equal("occlusion", answer.Method);
    }

    [Fact]
    public async Task A_small_answer_travels_plain()
    {
        var (body, status) = await PostAsync("Classify", Framed(Classify), ("grpc-accept-encoding", "gzip"));
        Assert.Equal("0", status);
        Assert.Equal(0, body[0]);
    }

    [Fact]
    public async Task A_packed_request_is_unpacked()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(Classify);
        }

        var (body, status) = await PostAsync("Classify", Framed(packed.ToArray(), flag: 1), ("grpc-encoding", "gzip"));
        Assert.Equal("0", status);
        Assert.Equal("red", Proto.ClassifyResponse.Parser.ParseFrom(body, 5, body.Length - 5).Predictions[0].Label);
    }

    [Fact]
    public async Task What_is_too_large_once_unpacked_is_refused()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(new byte[MaxRequestBytes + 1]);
        }

        var (_, status) = await PostAsync("Classify", Framed(packed.ToArray(), flag: 1), ("grpc-encoding", "gzip"));
        Assert.Equal("8", status);
    }

    [Fact]
    public async Task A_length_over_the_limit_is_refused_before_a_byte_of_it_comes()
    {
        var (response, _) = await SendAsync("Classify", [0, 0xFF, 0xFF, 0xFF, 0xFF]);
        Assert.Equal(["8"], response.Headers.GetValues("grpc-status"));
        Assert.Equal(
            "The request has 4294967295 bytes; Api:MaxRequestBytes allows 1000000.",
            response.Headers.GetValues("grpc-message").Single());
        var details = Convert.FromBase64String(response.Headers.GetValues("grpc-status-details-bin").Single());
        Assert.Equal("too-large", Google.Rpc.Status.Parser.ParseFrom(details).GetDetail<ErrorInfo>().Reason);
        await LivesAsync();
    }

    [Theory]
    [InlineData("", "13")]
    [InlineData("00", "13")]
    [InlineData("0000000000", "3")] // an empty message: no image
    [InlineData("0000000005FFFFFFFFFF", "3")] // no protobuf
    [InlineData("00000000090A01", "13")] // cut off
    [InlineData("0100000000", "13")] // packed, and no word of how
    [InlineData("0700000000", "3")] // no flag there is
    [InlineData("00000000000000000000", "13")] // two messages for one
    public async Task A_body_that_is_no_message_is_an_error_of_the_call(string hexadecimal, string status)
    {
        Assert.Equal(status, (await PostAsync("Classify", Convert.FromHexString(hexadecimal))).Status);
        await LivesAsync();
    }

    [Theory]
    [InlineData("0000000005FFFFFFFFFF", "3")]
    [InlineData("00000000090A01", "13")]
    [InlineData("007FFFFFFF", "8")]
    [InlineData("00FFFFFFFF", "3")] // more than any message may be
    public async Task A_stream_of_what_is_no_message_is_an_error_of_the_call(string hexadecimal, string status)
    {
        Assert.Equal(status, (await PostAsync("Stream", Convert.FromHexString(hexadecimal))).Status);
        await LivesAsync();
    }

    [Fact]
    public async Task An_encoding_that_is_not_known_is_unimplemented()
    {
        var (_, status) = await PostAsync("Classify", Framed([1, 2], flag: 1), ("grpc-encoding", "rot13"));
        Assert.Equal("12", status);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/plain")]
    public async Task Another_content_type_is_a_415(string type)
    {
        var (response, _) = await SendAsync("Classify", Framed(Classify), type);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        await LivesAsync();
    }

    [Fact]
    public async Task A_wrong_deadline_is_no_failure_of_the_server()
    {
        var (_, status) = await PostAsync("Classify", Framed(Classify), ("grpc-timeout", "soon"));
        Assert.Equal("0", status); // as the protocol's own servers do: what cannot be read was not said
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x08\x06\x00\x00\x00\x00\x01garbage!")] // a ping of a stream
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x04\x01\x05\x00\x00\x00\x01\x7F\x7F\x7F\x7F")] // headers that are none
    public async Task A_connection_that_is_not_HTTP2_is_closed(string bytes)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(_service.GrpcAddress.Host, _service.GrpcAddress.Port, TestContext.Current.CancellationToken);
        await socket.GetStream().WriteAsync(System.Text.Encoding.Latin1.GetBytes(bytes), TestContext.Current.CancellationToken);
        var buffer = new byte[4096];
        try
        {
            while (await socket.GetStream().ReadAsync(buffer, TestContext.Current.CancellationToken) > 0)
            {
            }
        }
        catch (IOException)
        {
            // Reset: closed, too.
        }

        await LivesAsync();
    }

    private static byte[] Classify { get; } =
        new Proto.ClassifyRequest { Image = RpcClient.Encoded(Photos.Red), Model = "colors" }.ToByteArray();

    private static byte[] Framed(byte[] message, byte flag = 0)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), (uint)message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    private async Task LivesAsync() => Assert.Equal("0", (await PostAsync("Classify", Framed(Classify))).Status);

    private async Task<(byte[] Body, string Status)> PostAsync(string method, byte[] body, params (string Name, string Value)[] headers)
    {
        var (response, content) = await SendAsync(method, body, "application/grpc", headers);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var status = response.TrailingHeaders.TryGetValues("grpc-status", out var trailing) ? trailing : response.Headers.GetValues("grpc-status");
        return (content, status.Single());
    }

    private async Task<(HttpResponseMessage Response, byte[] Body)> SendAsync(
        string method, byte[] body, string type = "application/grpc", params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_service.GrpcAddress, $"/vision.v1.Vision/{method}"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        request.Headers.Add("te", "trailers");
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        var response = await _service.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return (response, await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    public sealed class Fixture : IAsyncLifetime
    {
        internal TestService Service { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Service = await TestService.StartAsync(
            ModelFolder.WithColors().Add("wide", Segmentation.SegmentationModels.Colors(), "{task: segment, input: {preset: unit}}", ModelFolder.ColorLabels),
            "--Api:MaxRequestBytes", $"{MaxRequestBytes}");

        public ValueTask DisposeAsync() => Service.DisposeAsync();
    }
}
