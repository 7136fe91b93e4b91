namespace VisionService.Tests.Api;

/// <summary>Many requests, one after another, as in hours of work; run alone, as CONTRIBUTING.md says.</summary>
public class SoakTests
{
    private const int Callers = 8;

    [Fact(Explicit = true)] // memory is the process's: it runs alone
    [Trait("Category", "Soak")]
    public async Task A_hundred_thousand_requests_leave_no_memory_behind()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        await AskAsync(service, 10_000);
        var before = Memory();
        await AskAsync(service, 100_000);
        var growth = Memory() - before;
        TestContext.Current.TestOutputHelper!.WriteLine($"{before >> 20} MiB, and {growth >> 10} KiB more after 100 000 requests.");
        Assert.InRange(growth, long.MinValue, Math.Min(before / 10, 100_000_000));
    }

    private static Task AskAsync(TestService service, int requests) => Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
    {
        for (var i = 0; i < requests / Callers; i++)
        {
            // Every form of a request, and refusals among them.
            using var answer = (i % 4) switch
            {
                0 => (await service.PostAsync("/classify", Photos.Red)).Response,
                1 => (await service.PostAsync("/classify", new MultipartFormDataContent { { new ByteArrayContent(Photos.Red), "image", "a.png" } })).Response,
                2 => (await service.PostJsonAsync("/classify", $$"""{"image": "{{Convert.ToBase64String(Photos.Red)}}"}""")).Response,
                _ => (await service.PostAsync("/classify?top_k=none", Photos.Red)).Response,
            };
            Assert.Equal(i % 4 == 3 ? 400 : 200, (int)answer.StatusCode);
        }
    })));

    private static long Memory()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return Environment.WorkingSet;
    }
}
