using System.Net;
using VisionService.Api.Access;
using VisionService.Tests.Api.Grpc;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Tests.Api.Access;

/// <summary>One key floods; the other goes on as if it were alone with half of the model.</summary>
public class SharingTests
{
    private static readonly (ApiKey Key, string Text) Flood = ApiKey.Create("flood", Role.Infer, null, null, null);
    private static readonly (ApiKey Key, string Text) Calm = ApiKey.Create("calm", Role.Infer, null, null, null);

    [Fact]
    public async Task Who_sends_little_is_not_refused_for_who_floods()
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("slow", TinyModels.Slow(rounds: 40), "input: {preset: unit}", ModelFolder.ColorLabels),
            "--instances", "1", "--max-queue-size", "4", "--Access:Keys:0", $"{Flood.Key}", "--Access:Keys:1", $"{Calm.Key}");
        using var over = new CancellationTokenSource();
        var refused = 0;
        var floods = Enumerable.Range(0, 24).Select(_ => Task.Run(async () =>
        {
            while (!over.IsCancellationRequested)
            {
                var status = await AskAsync(service, Flood.Text);
                Assert.True(status is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, $"{status}");
                Interlocked.Add(ref refused, status == HttpStatusCode.OK ? 0 : 1);
            }
        })).ToArray();

        // Once the queue is full of the one, the other comes, by both transports.
        while (Volatile.Read(ref refused) == 0)
        {
            await Task.Yield();
        }

        using var client = new RpcClient(service.GrpcAddress);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await AskAsync(service, Calm.Text));
            await client.Vision.ClassifyAsync(
                new Proto.ClassifyRequest { Image = RpcClient.Encoded(Photos.Red) },
                new global::Grpc.Core.Metadata { { "x-api-key", Calm.Text } },
                cancellationToken: TestContext.Current.CancellationToken);
        }

        await over.CancelAsync();
        await Task.WhenAll(floods);
    }

    private static async Task<HttpStatusCode> AskAsync(TestService service, string key)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/classify")
        {
            Content = new ByteArrayContent(Photos.Red) { Headers = { { "Content-Type", "image/png" } } },
            Headers = { { "X-Api-Key", key } },
        };
        return (await service.SendAsync(request)).Status;
    }
}
