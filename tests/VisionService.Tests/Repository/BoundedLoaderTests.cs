using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using VisionService.Repository;

namespace VisionService.Tests.Repository;

public class BoundedLoaderTests
{
    [Fact]
    public async Task A_load_that_stays_here_is_given_up_and_its_file_not_tried_again_until_it_has_ended()
    {
        using var models = ModelFolder.WithColors();
        await using var service = await TestService.StartAsync([models.Path], null);
        var files = service.Models.Find("colors").Files;
        using var mayEnd = new ManualResetEventSlim();
        using var hasBegun = new SemaphoreSlim(0);
        var loader = new BoundedLoader(
            _ =>
            {
                hasBegun.Release();
                mayEnd.Wait();
                throw new ModelLoadException("too late to be heard");
            },
            service.Services.GetRequiredService<TrialLoads>(),
            Options.Create(new RepositoryOptions { TrialLoads = false, LoadTimeout = TimeSpan.FromSeconds(1) }));

        Assert.Equal("the load took longer than Repository:LoadTimeout allows (1 s)", Problem());
        Assert.Equal(
            "the load took longer than Repository:LoadTimeout allows (1 s) and has not ended yet; "
            + "the same file is not tried again",
            Problem());
        Assert.Equal(1, hasBegun.CurrentCount);

        // Another file is another matter.
        File.AppendAllText(files.Onnx!, " ");
        Assert.Equal("the load took longer than Repository:LoadTimeout allows (1 s)", Problem());
        mayEnd.Set();
        while (Problem() != "too late to be heard")
        {
            await Task.Yield();
        }

        string Problem() => Assert.Throws<ModelLoadException>(() => loader.Load(files)).Message;
    }
}
