using Google.Rpc;
using Grpc.Core;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Tests.Api.Grpc;

/// <summary>What happens when the model is slower than its callers.</summary>
public sealed class RpcOverloadTests : IAsyncLifetime
{
    private TestService _service = null!;
    private RpcClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _service = await TestService.StartAsync(
            new ModelFolder().Add("slow", TinyModels.Slow(rounds: 1500), "input: {preset: unit}", ModelFolder.ColorLabels),
            "--instances", "1", "--max-queue-size", "1");
        _client = new RpcClient(_service.GrpcAddress);
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return _service.DisposeAsync();
    }

    [Fact]
    public async Task An_answer_that_comes_too_late_is_refused_with_the_stage()
    {
        var problem = await _client.RefusalAsync(
            "classify", new Proto.ClassifyRequest { Image = RpcClient.Encoded(Photos.White), TimeoutMs = 1 });
        Assert.Equal(StatusCode.DeadlineExceeded, problem.StatusCode);
        Assert.Matches("^The answer was not there within 1 ms; the request was in stage '(decode|preprocess|queue|inference)'.$", problem.Status.Detail);
    }

    [Fact]
    public async Task A_full_queue_refuses_at_once_and_says_when_to_come_again()
    {
        var request = new Proto.ClassifyRequest { Image = RpcClient.Encoded(Photos.White) };
        var ends = await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
        {
            try
            {
                await _client.AskAsync("classify", request);
                return null;
            }
            catch (RpcException problem)
            {
                return problem;
            }
        }));
        Assert.Contains(null, ends);
        var refused = ends.OfType<RpcException>().ToArray();
        Assert.NotEmpty(refused);
        Assert.All(refused, static problem =>
        {
            Assert.Equal(StatusCode.Unavailable, problem.StatusCode);
            Assert.Equal("1 images wait for model 'slow' and 1 more came; its queue takes 1 (MaxQueueSize).", problem.Status.Detail);
            Assert.Equal(1, problem.GetRpcStatus()!.GetDetail<RetryInfo>().RetryDelay.Seconds);
        });
    }
}
