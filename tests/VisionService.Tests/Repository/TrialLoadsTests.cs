using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using VisionService.Repository;

namespace VisionService.Tests.Repository;

/// <summary>Files that would take the service with them, had another process not loaded them first.</summary>
public class TrialLoadsTests
{
    private const string Unit = "input: {preset: unit}";
    private static readonly string[] OnTrial = ["--Repository:TrialLoads", "true"];

    [Fact]
    public async Task While_a_load_hangs_the_rest_serves_and_the_end_waits_for_nothing()
    {
        var models = ModelFolder.WithColors().Add("bomb", TinyModels.Colors(), Unit, ModelFolder.ColorLabels);
        var service = await StartAsync(models, "--Repository:LoadTimeout", "01:00:00");
        Task load;
        await using (service)
        {
            await service.Models.UnloadAsync("bomb");
            Bombs.Loop().Save(models.File("bomb/model.onnx"));
            load = service.Models.LoadAsync("bomb");
            await OneOnTrialAsync(service, load);

            Assert.Equal("red .8", (await service.PostAsync("/classify?model=colors&top_k=1", Photos.Red)).Predictions);
            Assert.Equal("ready", await StateAsync(service, "colors"));
            Assert.Equal("loading", await StateAsync(service, "bomb"));
            (await service.PostAsync("/classify?model=bomb", Photos.Red)).Problem(409, "model-loading");
            (await service.GetAsync("/readyz")).MustBe(HttpStatusCode.OK);
            Assert.False(load.IsCompleted);
            await service.StopAsync();
        }

        var error = await Assert.ThrowsAsync<VisionException>(() => load);
        Assert.Contains("the service is stopping", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_load_that_does_not_end_is_ended()
    {
        await using var service = await StartAsync(
            ModelFolder.WithColors().Add("bomb", Bombs.Loop(), Unit, ModelFolder.ColorLabels),
            "--Repository:LoadTimeout",
            "00:00:08");
        Assert.Equal("the load took longer than Repository:LoadTimeout allows (8 s)", service.Models.Find("bomb").Problem);
        Assert.Equal("failed", await StateAsync(service, "bomb"));
        Assert.Equal("red .8", (await service.PostAsync("/classify?model=colors&top_k=1", Photos.Red)).Predictions);
        (await service.GetAsync("/readyz")).MustBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_load_that_wants_all_memory_gets_none_of_the_services()
    {
        var models = ModelFolder.WithColors();
        foreach (var (name, graph) in new[]
        {
            ("huge", Bombs.HugeConstant()),
            ("many", Bombs.Many()),
            ("tile", Bombs.Growing("Tile")),
            ("expand", Bombs.Growing("Expand")),
        })
        {
            models.Add(name, graph, Unit, ModelFolder.ColorLabels);
        }

        await using var service = await StartAsync(models, "--Repository:LoadMemory", $"{600L << 20}");
        Assert.All(
            service.Models.Entries.Where(static entry => entry.Name != "colors"),
            static entry => Assert.Matches("memory than Repository:LoadMemory allows|[Aa]lloc", entry.Problem));
        Assert.Equal("red .8", (await service.PostAsync("/classify?model=colors&top_k=1", Photos.Red)).Predictions);
    }

    [Fact]
    public async Task A_crash_is_the_models_and_not_the_services()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "a signal stands for the crash");
        var models = ModelFolder.WithColors().Add("bomb", TinyModels.Colors(), Unit, ModelFolder.ColorLabels);
        await using var service = await StartAsync(models, "--Repository:LoadTimeout", "01:00:00");
        Bombs.Loop().Save(models.File("bomb/model.onnx"));
        var load = service.Models.LoadAsync("bomb");

        // The process tried others before: it is not believed at once.
        var first = await OneOnTrialAsync(service, load);
        await KillAsync(first);
        var second = await OneOnTrialAsync(service, load, except: first);
        Assert.False(load.IsCompleted);
        await KillAsync(second);
        var error = await Assert.ThrowsAsync<VisionException>(() => load);
        Assert.Contains(
            "ONNX Runtime crashed on it, in a process on trial (signal 9", error.Message, StringComparison.Ordinal);

        // What was ready stays.
        Assert.Equal("red .8", (await service.PostAsync("/classify?model=bomb&top_k=1", Photos.Red)).Predictions);
    }

    [Fact]
    public async Task Files_that_are_none_are_refused_and_not_waited_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "pipes in folders are made on Linux");
        var models = ModelFolder.WithColors().Add("pipe", null, Unit).Write("text.onnx", "no model");
        await RunAsync("mkfifo", models.File("pipe/model.onnx"));
        await using var service = await StartAsync(models);
        Assert.Equal("'model.onnx' is empty (0 bytes), or no plain file.", service.Models.Find("pipe").Problem);
        Assert.Contains("it is text, not an ONNX model", service.Models.Find("text").Problem, StringComparison.Ordinal);
        Assert.Equal("ready", await StateAsync(service, "colors"));
    }

    [Fact]
    public void A_process_on_trial_ends_with_who_started_it()
    {
        using var models = new ModelFolder().Add("bomb", Bombs.Loop(), Unit, ModelFolder.ColorLabels);
        using var process = TrialProcess.Start(["--Inference:Provider=cpu"]);
        TrialReply? ready;
        while (!process.TryTake(TimeSpan.FromSeconds(1), out ready))
        {
        }

        Assert.NotNull(ready);
        process.Send(ModelFiles.Discover(models.File("bomb"))[0]);
        process.CloseInput();
        while (!process.TryTake(TimeSpan.FromSeconds(1), out ready))
        {
        }

        Assert.Null(ready);
        Assert.StartsWith("signal 9", process.Obituary(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_on_trial_does_not_see_the_services_secrets()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "what a process was given is read from /proc");
        const string Secret = "VISION_TEST_SECRET";
        Environment.SetEnvironmentVariable(Secret, "hidden");
        using var process = TrialProcess.Start([]);
        var given = File.ReadAllText($"/proc/{process.Id}/environ");
        Environment.SetEnvironmentVariable(Secret, null);
        Assert.Contains("DOTNET_PROCESSOR_COUNT=1", given, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, given, StringComparison.Ordinal);
    }

    private static Task<TestService> StartAsync(ModelFolder models, params string[] arguments) =>
        TestService.StartAsync(models, [.. OnTrial, .. arguments]);

    private static async Task<string> StateAsync(TestService service, string model) =>
        (await service.GetAsync($"/models/{model}")).MustBe(HttpStatusCode.OK).Json.GetProperty("state").GetString()!;

    /// <summary>The process that has a model to try, once there is one.</summary>
    private static async Task<int> OneOnTrialAsync(TestService service, Task load, int except = 0)
    {
        var trials = service.Services.GetRequiredService<TrialLoads>();
        while (true)
        {
            if (trials.Processes is [var id] && id != except)
            {
                return id;
            }

            if (load.IsCompleted)
            {
                await load;
                Assert.Fail("The load ended before it could be seen.");
            }

            (await service.GetAsync("/models")).MustBe(HttpStatusCode.OK);
        }
    }

    private static Task KillAsync(int process) => RunAsync("kill", "-KILL", $"{process}");

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }
}
