using System.Net;
using Grpc.Core;
using Microsoft.Extensions.Options;
using VisionService.Api;
using VisionService.Tests.Api.Grpc;

namespace VisionService.Tests.Api.Edge;

public class BodyMemoryTests
{
    private static readonly byte[] Large = new byte[60_000];

    [Fact]
    public void Parts_come_and_go_and_a_lone_one_may_be_any_size()
    {
        var memory = new BodyMemory(Options.Create(new ApiOptions { MaxHeldBytes = 100 }));
        using var first = memory.Open();
        first.Add(60);
        first.Add(60);
        var second = memory.Open();
        var refusal = Assert.Throws<VisionException>(() => second.Add(1));
        Assert.Equal((VisionError.Overloaded, "Requests of 121 bytes are being received; Api:MaxHeldBytes allows 100 at once."), (refusal.Error, refusal.Message));
        Assert.NotNull(refusal.RetryAfter);
        second.Dispose();
        first.Dispose();
        using var third = memory.Open();
        using var fourth = memory.Open();
        third.Add(50);
        fourth.Add(50);
        Assert.Throws<VisionException>(() => third.Add(1));
    }

    [Fact]
    public async Task What_others_send_counts_until_they_have_their_answer()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(), "--Api:MaxHeldBytes", "100000");
        using var client = new RpcClient(service.GrpcAddress);
        using (var slow = await RawConnection.OpenAsync(service.Address))
        {
            // More than all may have together: it is alone, and it does not end.
            await slow.SendAsync("POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 150000\r\n\r\n");
            await slow.SendAsync(new byte[120_000]);

            // Once all of that has come, nothing else of any size does.
            Answer refused;
            while ((refused = await service.PostAsync("/classify", Large)).Status != HttpStatusCode.ServiceUnavailable)
            {
                refused.MustBe(HttpStatusCode.UnprocessableEntity);
            }

            Assert.EndsWith("bytes are being received; Api:MaxHeldBytes allows 100000 at once.", refused.Problem(503, "overloaded"), StringComparison.Ordinal);
            Assert.Equal("1", refused.Header("Retry-After"));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await service.PostJsonAsync("/v2/repository/index", $"\"{new string('x', 60_000)}\"")).Status);
            var rpc = await client.RefusalAsync("classify", new VisionService.Api.Grpc.V1.ClassifyRequest { Image = RpcClient.Encoded(Large) });
            Assert.Equal(StatusCode.Unavailable, rpc.StatusCode);
            Assert.EndsWith("Api:MaxHeldBytes allows 100000 at once.", rpc.Status.Detail, StringComparison.Ordinal);
            (await service.GetAsync("/models")).MustBe(HttpStatusCode.OK);
        }

        // Its connection gone, there is room again.
        while ((await service.PostAsync("/classify", Large)).Status != HttpStatusCode.UnprocessableEntity)
        {
            await Task.Yield();
        }

        Assert.Equal(StatusCode.InvalidArgument, (await client.RefusalAsync("classify", new VisionService.Api.Grpc.V1.ClassifyRequest { Image = RpcClient.Encoded(Large) })).StatusCode);
    }
}
