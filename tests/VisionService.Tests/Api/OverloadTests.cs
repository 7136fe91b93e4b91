using System.Net;
using System.Net.Sockets;
using System.Text;

namespace VisionService.Tests.Api;

/// <summary>What happens when the model is slower than its callers: deadlines, a full queue, callers that leave.</summary>
public sealed class OverloadTests : IAsyncLifetime
{
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(
        new ModelFolder()
            .Add("slow", TinyModels.Slow(rounds: 1500), "input: {preset: unit}", ModelFolder.ColorLabels)
            .Add("wary", TinyModels.NotANumber(), "{input: {preset: unit}, output: {activation: none}}"),
        "--instances", "1", "--max-queue-size", "1");

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task An_answer_that_comes_too_late_is_a_504_with_the_stage()
    {
        var detail = (await _service.PostAsync("/classify?model=slow&timeout_ms=1", Photos.White)).Problem(504, "deadline-exceeded");
        Assert.Matches("^The answer was not there within 1 ms; the request was in stage '(decode|preprocess|queue|inference)'.$", detail);
    }

    [Fact]
    public async Task A_full_queue_refuses_at_once_and_answers_the_others()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => _service.PostAsync("/classify?model=slow", Photos.White)));
        var refused = answers.Where(answer => answer.Status != HttpStatusCode.OK).ToArray();
        Assert.NotEmpty(refused);
        Assert.NotEqual(16, refused.Length);
        Assert.All(refused, answer =>
        {
            Assert.Equal(
                "1 images wait for model 'slow' and 1 more came; its queue takes 1 (MaxQueueSize).", answer.Problem(503, "overloaded"));
            Assert.Equal("1", answer.Header("Retry-After"));
        });
        Assert.All(answers.Except(refused), answer => Assert.Equal(3, answer.Json.GetProperty("predictions").GetArrayLength()));
    }

    [Fact]
    public async Task A_caller_that_leaves_does_not_hurt_its_neighbours()
    {
        // 1. One caller hangs up while its image runs, another in the middle of its upload.
        using var leaving = new CancellationTokenSource();
        var left = _service.Client.PostAsync("/classify?model=slow", new ByteArrayContent(Photos.White), leaving.Token);
        using (var half = new TcpClient())
        {
            await half.ConnectAsync(_service.Address.Host, _service.Address.Port, TestContext.Current.CancellationToken);
            await half.GetStream().WriteAsync(
                Encoding.ASCII.GetBytes("POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf"), TestContext.Current.CancellationToken);
        }

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);

        // 2. The next one is answered.
        Assert.StartsWith("red ", (await _service.PostAsync("/classify?model=slow&top_k=1", Photos.Red)).MustBe(HttpStatusCode.OK).Predictions, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scores_that_are_no_numbers_are_a_500_without_internals()
    {
        Assert.Equal(
            "The model answered with scores that are not numbers.",
            (await _service.PostAsync("/classify?model=wary", Photos.White)).Problem(500, "inference-failed"));
        (await _service.PostAsync("/classify?model=wary", Photos.Black)).MustBe(HttpStatusCode.OK);
    }
}
