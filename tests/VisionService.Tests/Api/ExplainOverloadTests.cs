using System.Net;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Tests.Detection;
using VisionService.Tests.Explanation;

namespace VisionService.Tests.Api;

/// <summary>Explaining takes hundreds of runs: nobody else should wait for them, or find the queue full of
/// them.</summary>
public sealed class ExplainOverloadTests : IAsyncLifetime
{
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(
        new ModelFolder()
            .Add("slow", TinyModels.Slow(rounds: 300), "input: {preset: unit}", ModelFolder.ColorLabels)
            .Add("thirty", TinyNets.Linear(backgrounds: 27), "input: {preset: unit}")
            .Add("afraid", TinyDetectors.AfraidOfGreen(), TinyDetectors.Unit, ModelFolder.ColorLabels),
        "--instances",
        "1",
        "--max-queue-size",
        "8");

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task Others_go_first_and_find_room_in_the_queue()
    {
        // 1. Four explanations of 512 runs each.
        using var leaving = new CancellationTokenSource();
        var explaining = Enumerable.Range(0, 4).Select(_ => _service.Client.PostAsync(
            "/explain?model=slow&method=rise", new ByteArrayContent(Photos.White), leaving.Token)).ToArray();
        while ((await QueueLengthAsync()) == 0)
        {
            Assert.All(explaining, task => Assert.False(task.IsCompleted));
        }

        // 2. Whoever asks for anything else is answered long before.
        for (var i = 0; i < 10; i++)
        {
            (await _service.PostAsync("/classify?model=slow", Photos.Black)).MustBe(HttpStatusCode.OK);
            Assert.InRange(await QueueLengthAsync(), 0, 6); // two runs of theirs, and four that may not have begun yet
        }

        Assert.All(explaining, task => Assert.False(task.IsCompleted));

        // 3. Who leaves takes his runs along.
        await leaving.CancelAsync();
        foreach (var task in explaining)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        }

        while ((await QueueLengthAsync()) > 0)
        {
            await Task.Yield();
        }
    }

    [Fact]
    public async Task A_deadline_in_the_middle_is_a_504() => Assert.Matches(
        "^The answer was not there within 300 ms; the request was in stage '(queue|inference)'.$",
        (await _service.PostAsync("/explain?model=slow&method=rise&timeout_ms=300", Photos.White)).Problem(504, "deadline-exceeded"));

    [Theory]
    [InlineData("auto")]
    [InlineData("occlusion")]
    public async Task A_model_that_fails_is_a_500(string method) => Assert.Equal(
        "The model failed on this input.",
        (await _service.PostAsync($"/explain?model=afraid&method={method}", Photos.Of(new Rgb24(0, 255, 0), width: 64, height: 64)))
            .Problem(500, "inference-failed"));

    [Fact]
    public async Task More_classes_than_the_queue_holds_are_explained_in_turn() => Assert.Equal(
        30,
        (await _service.PostAsync($"/explain?model=thirty&method=saliency&class={string.Join(',', Enumerable.Range(0, 30))}", Photos.Red))
            .MustBe(HttpStatusCode.OK).Json.GetProperty("explanations").GetArrayLength());

    private async Task<int> QueueLengthAsync() =>
        (await _service.GetAsync("/models/slow")).Json.GetProperty("batching").GetProperty("queue_length").GetInt32();
}
