using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using VisionService.Tests.Observability.Otlp;

namespace VisionService.Tests.Observability;

/// <summary>A collector on the loopback that keeps what it is sent, over gRPC and over HTTP.</summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtlpCollector(WebApplication app)
    {
        _app = app;
        (HttpAddress, GrpcAddress) = (app.Urls.First(), app.Urls.Last());
    }

    /// <summary>Takes <c>http/protobuf</c>.</summary>
    public string HttpAddress { get; }

    public string GrpcAddress { get; }

    public ConcurrentQueue<(string Path, byte[] Body)> Received { get; } = [];

    public IEnumerable<ResourceSpans> Spans => Of("trace", SpanExport.Parser).SelectMany(static export => export.ResourceSpans);

    public IEnumerable<ResourceMetrics> Metrics => Of("metrics", MetricExport.Parser).SelectMany(static export => export.ResourceMetrics);

    public IEnumerable<ResourceLogs> Logs => Of("logs", LogExport.Parser).SelectMany(static export => export.ResourceLogs);

    public static async Task<OtlpCollector> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0);
            kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2);
        });
        var app = builder.Build();
        OtlpCollector? collector = null;
        app.MapPost("/{**path}", async (HttpContext http) =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body, http.RequestAborted);
            var isGrpc = http.Request.ContentType == "application/grpc";

            // A message of gRPC is its length and a flag before it; its answer here is an empty one.
            collector!.Received.Enqueue((http.Request.Path, isGrpc ? body.ToArray()[5..] : body.ToArray()));
            http.Response.ContentType = isGrpc ? "application/grpc" : "application/x-protobuf";
            if (isGrpc)
            {
                await http.Response.Body.WriteAsync(new byte[5], http.RequestAborted);
                http.Response.AppendTrailer("grpc-status", $"{(int)StatusCode.OK}");
            }
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return collector = new OtlpCollector(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private IEnumerable<T> Of<T>(string signal, MessageParser<T> parser)
        where T : IMessage<T> =>
        Received.Where(export => export.Path.Contains(signal, StringComparison.Ordinal)).Select(export => parser.ParseFrom(export.Body)).ToArray();
}
