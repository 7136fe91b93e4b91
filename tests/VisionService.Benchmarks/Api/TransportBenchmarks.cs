using System.Net.Http.Headers;
using BenchmarkDotNet.Attributes;
using Google.Protobuf;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using VisionService.Api.Grpc.V1;
using VisionService.Benchmarks.Imaging;
using VisionService.Imaging;
using VisionService.Repository;

namespace VisionService.Benchmarks.Api;

/// <summary>One caller on loopback, the same photo and model over both transports: what REST costs beside gRPC.</summary>
[MemoryDiagnoser]
public class TransportBenchmarks
{
    private readonly byte[] _photo = JpegEncoder.Encode(Photo.Draw(640, 480));
    private readonly HttpClient _http = new();
    private WebApplication _app = null!;
    private GrpcChannel _channel = null!;
    private Vision.VisionClient _client = null!;
    private string _classify = "";

    [GlobalSetup]
    public async Task StartAsync()
    {
        _app = Program.Build(CommandLine.Parse(["--http-port", "0", "--grpc-port", "0", "--Logging:LogLevel:Default", "Error"]));
        await _app.StartAsync();
        await _app.Services.GetRequiredService<ModelCatalog>().ExecuteTask!;
        string[] urls = [.. _app.Urls.Select(static url => url.Replace("[::]", "127.0.0.1", StringComparison.Ordinal))];
        _classify = $"{urls[0]}/classify";
        _channel = GrpcChannel.ForAddress(urls[1]);
        _client = new Vision.VisionClient(_channel);
    }

    [GlobalCleanup]
    public async Task StopAsync()
    {
        _channel.Dispose();
        _http.Dispose();
        await _app.DisposeAsync();
    }

    [Benchmark(Baseline = true)]
    public async Task<int> Grpc()
    {
        var request = new ClassifyRequest { Image = new Image { Encoded = UnsafeByteOperations.UnsafeWrap(_photo) } };
        return (await _client.ClassifyAsync(request)).Predictions.Count;
    }

    [Benchmark]
    public async Task<int> Rest()
    {
        using var content = new ByteArrayContent(_photo);
        content.Headers.ContentType = new MediaTypeHeaderValue("image/jpeg");
        using var response = await _http.PostAsync(_classify, content);
        return (await response.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync()).Length;
    }
}
