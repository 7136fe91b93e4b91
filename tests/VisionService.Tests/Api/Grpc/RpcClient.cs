using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Tests.Api.Grpc;

/// <summary>A channel to the service, of one HTTP/2 connection.</summary>
internal sealed class RpcClient : IDisposable
{
    public RpcClient(Uri address)
    {
        Channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions { MaxReceiveMessageSize = null, MaxSendMessageSize = null });
        Vision = new Proto.Vision.VisionClient(Channel);
    }

    public GrpcChannel Channel { get; }

    public Proto.Vision.VisionClient Vision { get; }

    public static Proto.Image Encoded(byte[] file) => new() { Encoded = ByteString.CopyFrom(file) };

    /// <summary>Asks for the task of that name.</summary>
    public async Task<IMessage> AskAsync(string task, IMessage request)
    {
        var options = new CallOptions(cancellationToken: TestContext.Current.CancellationToken);
        return task switch
        {
            "classify" => await Vision.ClassifyAsync((Proto.ClassifyRequest)request, options),
            "detect" => await Vision.DetectAsync((Proto.DetectRequest)request, options),
            "segment" => await Vision.SegmentAsync((Proto.SegmentRequest)request, options),
            _ => await Vision.ExplainAsync((Proto.ExplainRequest)request, options),
        };
    }

    /// <summary>The status that the task answers with.</summary>
    public async Task<RpcException> RefusalAsync(string task, IMessage request) =>
        await Assert.ThrowsAsync<RpcException>(() => AskAsync(task, request));

    public void Dispose() => Channel.Dispose();
}
