using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using VisionService.Tests.Observability.Otlp;

namespace VisionService.Tests.Observability;

/// <summary>A collector on the loopback that keeps what it is sent, over gRPC and over HTTP.</summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<(string Path, byte[] Body)> _received;

    private OtlpCollector(WebApplication app, ConcurrentQueue<(string Path, byte[] Body)> received)
    {
        (_app, _received) = (app, received);
        (HttpAddress, GrpcAddress) = (app.Urls.First(), app.Urls.Last());
    }

    /// <summary>Takes <c>http/protobuf</c>.</summary>
    public string HttpAddress { get; }

    public string GrpcAddress { get; }

    /// <summary>What was asked for, such as <c>/v1/traces</c>.</summary>
    public IEnumerable<string> Paths => _received.Select(static export => export.Path);

    public IReadOnlyList<ResourceSpans> Spans => [.. Of("race", SpanExport.Parser).SelectMany(static export => export.ResourceSpans)];

    public IReadOnlyList<ResourceMetrics> Metrics => [.. Of("etrics", MetricExport.Parser).SelectMany(static export => export.ResourceMetrics)];

    public IReadOnlyList<ResourceLogs> Logs => [.. Of("ogs", LogExport.Parser).SelectMany(static export => export.ResourceLogs)];

    public static async Task<OtlpCollector> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrel(static kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0);
            kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2);
        });
        var received = new ConcurrentQueue<(string Path, byte[] Body)>();
        var app = builder.Build();
        app.Run(async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body, http.RequestAborted);
            if (http.Request.ContentType != "application/grpc")
            {
                received.Enqueue((http.Request.Path, body.ToArray()));
                http.Response.ContentType = "application/x-protobuf";
                return;
            }

            received.Enqueue((http.Request.Path, MessageIn(body.ToArray())));
            http.Response.ContentType = "application/grpc";
            await http.Response.Body.WriteAsync(new byte[5], http.RequestAborted); // an empty message
            http.Response.AppendTrailer("grpc-status", "0");
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new OtlpCollector(app, received);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>What follows gRPC's flag and length.</summary>
    private static byte[] MessageIn(byte[] body)
    {
        if (body[0] == 0)
        {
            return body[5..];
        }

        using var message = new MemoryStream();
        using var packed = new GZipStream(new MemoryStream(body[5..]), CompressionMode.Decompress);
        packed.CopyTo(message);
        return message.ToArray();
    }

    private T[] Of<T>(string signal, MessageParser<T> parser)
        where T : IMessage<T> =>
        [.. _received.Where(export => export.Path.Contains(signal, StringComparison.Ordinal)).Select(export => parser.ParseFrom(export.Body))];
}
