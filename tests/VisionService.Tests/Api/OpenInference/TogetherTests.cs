using System.Net;
using System.Runtime.InteropServices;

namespace VisionService.Tests.Api.OpenInference;

/// <summary>Tensors and images share a model's runners and queue, and never each other's answers.</summary>
public class TogetherTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public async Task Fifty_infers_and_fifty_images_at_once_each_get_their_own(int maxBatch)
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(), "--max-batch-size", $"{maxBatch}");
        var infers = Enumerable.Range(0, 50).Select(async i =>
        {
            var pixels = new float[48];
            Array.Fill(pixels, i, 0, 16); // red alone: the first score is ln 8 x i
            var bytes = await SameNumbersTests.PostBinaryAsync(service, "colors", "pixels", "FP32", [1, 3, 4, 4], MemoryMarshal.AsBytes(pixels.AsSpan()).ToArray());
            var scores = MemoryMarshal.Cast<byte, float>(bytes).ToArray();
            Assert.Equal(3, scores.Length);
            Assert.Equal(MathF.Log(8) * i, scores[0], 1e-4 * (i + 1));
        });
        var images = Enumerable.Range(0, 50).Select(async i =>
            Assert.Equal(i % 2 == 0 ? "red .8" : "green .8", (await service.PostAsync("/classify?top_k=1", i % 2 == 0 ? Photos.Red : Photos.Green)).Predictions));
        await Task.WhenAll(infers.Concat(images));
    }

    [Fact]
    public async Task Of_twenty_requests_the_one_that_does_not_fit_fails_alone()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(), "--max-batch-size", "8");
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => service.PostJsonAsync(
            "/v2/models/colors/infer",
            RefusedTests.Input("FP32", i == 13 ? "[1, 3, 4, 5]" : "[1, 3, 4, 4]", string.Join(',', Enumerable.Repeat("1", i == 13 ? 60 : 48)), "pixels"))));
        Assert.Equal("Input 'pixels' has shape [1, 3, 4, 5]; the model takes [-1, 3, 4, 4].", RefusedTests.ErrorOf(answers[13], HttpStatusCode.BadRequest));
        Assert.All(answers.Where((_, i) => i != 13), answer => answer.MustBe(HttpStatusCode.OK));
    }

    [Fact]
    public async Task A_full_queue_is_503_with_a_time_to_come_again()
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("slow", TinyModels.Slow(2_000), "{input: {preset: unit}, instances: {cpu: 1}, batching: {max_queue: 1}}", ModelFolder.ColorLabels));
        var body = RefusedTests.Input("FP32", "[1, 3, 4, 4]", string.Join(',', Enumerable.Repeat("1", 48)), "pixels");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => service.PostJsonAsync("/v2/models/slow/infer", body)));
        Assert.Contains(answers, answer => answer.Status == HttpStatusCode.OK);
        var refused = answers.First(answer => answer.Status != HttpStatusCode.OK);
        Assert.Contains("its queue takes 1", RefusedTests.ErrorOf(refused, HttpStatusCode.ServiceUnavailable));
        Assert.Equal("1", refused.Header("Retry-After"));
    }
}
