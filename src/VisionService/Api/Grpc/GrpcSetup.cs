using System.IO.Compression;
using Microsoft.Extensions.Options;
using VisionService.Api.Access;

namespace VisionService.Api.Grpc;

/// <summary>What is wired to what for gRPC.</summary>
internal static class GrpcSetup
{
    public static void AddVisionGrpc(this IServiceCollection services)
    {
        services.AddSingleton<ProblemsInterceptor>();
        services.AddSingleton<VisionGrpcService>();
        services.AddSingleton<HealthGrpcService>();
        services.AddGrpc(static grpc =>
        {
            grpc.Interceptors.Add<ProblemsInterceptor>();
            grpc.ResponseCompressionAlgorithm = "gzip";
            grpc.ResponseCompressionLevel = CompressionLevel.Fastest;
        });
        services.AddOptions<global::Grpc.AspNetCore.Server.GrpcServiceOptions>().Configure<IOptions<ApiOptions>>(static (grpc, api) =>
        {
            grpc.MaxReceiveMessageSize = api.Value.MaxRequestBytes;
            grpc.MaxSendMessageSize = null;
        });
        services.AddGrpcReflection();

        // The interceptor logs what is ours to mend; the library would log every refusal, and broken bytes as errors of ours.
        services.AddLogging(static logging => logging.AddFilter("Grpc.AspNetCore.Server.ServerCallHandler", LogLevel.Critical));
    }

    public static void MapVisionGrpc(this WebApplication app)
    {
        app.MapGrpcService<VisionGrpcService>().Needs(Role.Infer).ExcludeFromDescription();
        app.MapGrpcService<HealthGrpcService>().Needs(Role.Anyone).ExcludeFromDescription();
        app.MapGrpcReflectionService().Needs(Role.Infer).ExcludeFromDescription();
    }
}
