using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace VisionService.Tests.Api;

/// <summary>Callers that go before they are answered, thousands of them.</summary>
public sealed class HangUpTests : IAsyncLifetime
{
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(
        new ModelFolder().Add("slow", TinyModels.Slow(rounds: 1500), "input: {preset: unit}", ModelFolder.ColorLabels));

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    [Trait("Category", "Soak")]
    public async Task Two_thousand_callers_that_hang_up_leave_an_empty_queue_within_two_seconds()
    {
        // 1. Each sends its image and goes: at once, while it waits, or in the middle of its run.
        var request = Request(Photos.White);
#pragma warning disable CA5394 // the same order each time is the point
        var random = new Random(5);
        var patience = Enumerable.Range(0, 2000)
            .Select(_ => TimeSpan.FromMilliseconds(20 * random.NextDouble())).ToArray();
#pragma warning restore CA5394
        await Parallel.ForEachAsync(
            patience,
            new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = TestContext.Current.CancellationToken },
            async (left, cancellationToken) =>
            {
                using var caller = new TcpClient { NoDelay = true, LingerState = new LingerOption(true, 0) };
                await caller.ConnectAsync(_service.Address.Host, _service.Address.Port, cancellationToken);
                await caller.GetStream().WriteAsync(request, cancellationToken);
                await Task.Delay(left, cancellationToken);
            });

        // 2. Nothing of theirs is left.
        var start = Stopwatch.GetTimestamp();
        while (await LeftAsync() is { } left && left != (0, 0))
        {
            Assert.True(
                Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(2),
                $"{left.Images} images still wait after two seconds, for {left.Milliseconds} ms.");
        }

        // 3. The next one is served as if they had never been.
        var next = await _service.PostAsync("/classify?model=slow&top_k=1", Photos.Red);
        Assert.StartsWith("red ", next.MustBe(HttpStatusCode.OK).Predictions, StringComparison.Ordinal);
    }

    private async Task<(int Images, double Milliseconds)> LeftAsync()
    {
        var model = (await _service.GetAsync("/models/slow")).MustBe(HttpStatusCode.OK).Json;
        return (
            model.GetProperty("batching").GetProperty("queue_length").GetInt32(),
            model.GetProperty("cost").GetProperty("predicted_wait_ms").GetDouble());
    }

    private static byte[] Request(byte[] image) =>
    [
        .. Encoding.ASCII.GetBytes(
            "POST /classify?model=slow HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            + $"Content-Length: {image.Length}\r\n\r\n"),
        .. image,
    ];
}
