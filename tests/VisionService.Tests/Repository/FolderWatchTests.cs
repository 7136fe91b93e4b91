using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using OnnxGraph;
using VisionService.Repository;

namespace VisionService.Tests.Repository;

/// <summary>A folder that changes under a running service; the watch's clock is the test's.</summary>
public sealed class FolderWatchTests : IAsyncLifetime
{
    private const string Unit = "input: {preset: unit}";

    private readonly ManualTime _time = new();
    private readonly ModelFolder _folder = ModelFolder.WithColors();
    private TestService _service = null!;
    private FolderWatch _watch = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _service = await TestService.StartAsync(_folder);
        var options = new RepositoryOptions();
        options.Models.Add(_folder.Path);
        _watch = new FolderWatch(Options.Create(options), _service.Models, _time, NullLogger<FolderWatch>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        _watch.Dispose();
        await _service.DisposeAsync();
    }

    [Fact]
    public async Task What_has_not_changed_is_let_alone()
    {
        Assert.Equal(0, await LookAsync(seconds: 10));
    }

    [Fact]
    public async Task A_new_model_is_served_once_its_files_have_been_still_for_two_seconds()
    {
        _folder.Add("late", TinyModels.Colors(), Unit, ModelFolder.ColorLabels);
        Assert.Equal(0, await LookAsync(seconds: 1));
        Assert.Equal("colors ready", await StatesAsync());
        Assert.Equal(1, await LookAsync(seconds: 1));
        Assert.Equal("colors ready, late ready", await StatesAsync());
        Assert.Equal("red .8", (await _service.PostAsync("/classify?model=late&top_k=1", Photos.Red)).Predictions);
        Assert.Equal(0, await LookAsync(seconds: 10));
    }

    [Fact]
    public async Task A_file_among_others_is_a_model_too_and_goes_when_it_is_gone()
    {
        TinyModels.Colors().Save(_folder.File("bare.onnx"));
        _folder.Write("bare.yaml", Unit).Write("bare.txt", "a\nb\nc");
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("a .8", (await _service.PostAsync("/classify?model=bare&top_k=1", Photos.Red)).Predictions);
        _folder.Write("bare.txt", "x\ny\nz!");
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("x .8", (await _service.PostAsync("/classify?model=bare&top_k=1", Photos.Red)).Predictions);
        File.Delete(_folder.File("bare.onnx"));
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("colors ready", await StatesAsync());
    }

    [Fact]
    public async Task A_model_whose_folder_is_removed_is_forgotten()
    {
        Directory.Delete(_folder.File("colors"), recursive: true);
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("", await StatesAsync());
        (await _service.GetAsync("/models/colors")).Problem(404, "model-not-found");
        Assert.Equal(0, await LookAsync(seconds: 10));
        _folder.Add("colors", TinyModels.Colors(), Unit, ModelFolder.ColorLabels);
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("colors ready", await StatesAsync());
    }

    [Fact]
    public async Task A_root_that_is_away_for_a_moment_has_not_lost_its_models()
    {
        Directory.Move(_folder.Path, _folder.Path + "-away");
        Assert.Equal(0, await LookAsync(seconds: 30));
        Directory.Move(_folder.Path + "-away", _folder.Path);
        Assert.Equal(0, await LookAsync(seconds: 30));
        Assert.Equal("red .8", (await _service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
    }

    [Fact]
    public async Task What_cannot_be_loaded_leaves_the_model_that_answers_and_says_why_once()
    {
        _folder.Write("colors/labels.txt", "red");
        Assert.Equal(1, await LookAsync(seconds: 3));
        var model = (await _service.GetAsync("/models/colors")).Json;
        Assert.Equal("ready", model.GetProperty("state").GetString());
        Assert.Equal("There are 1 labels for 3 classes.", model.GetProperty("reload_problem").GetString());
        Assert.Equal("red .8", (await _service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
        Assert.Equal(0, await LookAsync(seconds: 60));

        _folder.Write("colors/labels.txt", "r\ng\nb");
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.False((await _service.GetAsync("/models/colors")).Json.TryGetProperty("reload_problem", out _));
        Assert.Equal("r .8", (await _service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
    }

    [Fact]
    public async Task A_slow_copy_is_picked_up_once_and_whole()
    {
        var bytes = TinyModels.Colors().ToBytes();
        Directory.CreateDirectory(_folder.File("slow"));
        _folder.Write("slow/vision.yaml", Unit).Write("slow/labels.txt", ModelFolder.ColorLabels);
        await using (var file = new FileStream(_folder.File("slow/model.onnx"), FileMode.Create, FileAccess.Write, FileShare.Read))
        {
            foreach (var part in bytes.Chunk(bytes.Length / 8))
            {
                await file.WriteAsync(part, Cancellation);
                await file.FlushAsync(Cancellation);

                // Longer than the settle time, as where a network stalls: the file does not end where it says.
                Assert.Equal(0, await LookAsync(file.Length < bytes.Length ? 5 : 0));
            }
        }

        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("colors ready, slow ready", await StatesAsync());
        Assert.Equal(0, await LookAsync(seconds: 30));
    }

    [Theory]
    [InlineData("model.onnx.part")]
    [InlineData("x.tmp")]
    [InlineData("weights.crdownload")]
    [InlineData("labels.txt~")]
    public async Task While_a_file_has_the_name_of_one_that_is_being_written_nothing_is_read(string name)
    {
        _folder.Write($"colors/{name}", "...");
        _folder.Write("colors/labels.txt", "r\ng\nb");
        Assert.Equal(0, await LookAsync(seconds: 15));
        File.Delete(_folder.File($"colors/{name}"));
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("r .8", (await _service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
    }

    [Fact]
    public async Task What_never_becomes_whole_is_read_in_the_end_so_that_its_reason_is_known()
    {
        _folder.Add("page", null, Unit).Write("page/model.onnx", "<html>");
        Assert.Equal(0, await LookAsync(seconds: 15));
        Assert.Equal(1, await LookAsync(seconds: 10));
        Assert.Contains("web page", (await _service.GetAsync("/models/page")).Json.GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, await LookAsync(seconds: 60));
    }

    [Fact]
    public async Task A_new_version_takes_over_and_one_that_fails_does_not()
    {
        Directory.CreateDirectory(_folder.File("v/1"));
        _folder.Add("v/1", TinyModels.Colors()).Write("v/vision.yaml", Unit).Write("v/labels.txt", ModelFolder.ColorLabels);
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("1", (await ModelAsync("v")).GetProperty("version").GetString());

        // Two classes instead of three: the labels do not fit.
        _folder.Add("v/2", TwoClasses());
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal(["2 failed", "1 ready"], await VersionsAsync("v"));
        Assert.Equal("1", (await ModelAsync("v")).GetProperty("version").GetString());
        Assert.Equal("red .8", (await _service.PostAsync("/classify?model=v&top_k=1", Photos.Red)).Predictions);
        (await _service.PostAsync("/classify?model=v:2", Photos.Red)).Problem(404, "model-not-found");

        _folder.Add("v/10", TinyModels.Colors());
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal(["10 ready"], await VersionsAsync("v"));
        (await _service.PostAsync("/classify?model=v:1", Photos.Red)).Problem(404, "model-not-found");
    }

    [Fact]
    public async Task All_versions_that_the_policy_keeps_are_served_side_by_side()
    {
        _folder.Add("v", null, "{input: {preset: unit}, version_policy: all}", "a\nb\nc")
            .Add("v/1", TinyModels.Colors(), labels: "one\nb\nc").Add("v/2", TinyModels.Colors());
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("a .8", (await _service.PostAsync("/classify?model=v&top_k=1", Photos.Red)).Predictions);
        Assert.Equal("one .8", (await _service.PostAsync("/classify?model=v:1&top_k=1", Photos.Red)).Predictions);
        Assert.Equal("1", (await _service.GetAsync("/models/v:1")).Json.GetProperty("version").GetString());
        Assert.Equal("""["1","2"]""", (await _service.GetAsync("/v2/models/v")).Json.GetProperty("versions").GetRawText());
        (await _service.GetAsync("/v2/models/v/versions/1/ready")).MustBe(HttpStatusCode.OK);
        (await _service.GetAsync("/v2/models/v/versions/3/ready")).MustBe(HttpStatusCode.NotFound);

        Directory.Delete(_folder.File("v/2"), recursive: true);
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("one .8", (await _service.PostAsync("/classify?model=v&top_k=1", Photos.Red)).Predictions);
        Assert.Equal(["1 ready"], await VersionsAsync("v"));
    }

    [Fact]
    public async Task A_model_that_gets_another_name_keeps_the_old_one_until_it_is_ready()
    {
        _folder.Write("colors/vision.yaml", "{name: paints, input: {preset: unit, size: 9}}");
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("colors ready, paints failed", await StatesAsync());
        _folder.Write("colors/vision.yaml", "{name: paints, input: {preset: unit}}");
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("paints ready", await StatesAsync());
    }

    [Fact]
    public async Task What_an_operator_has_unloaded_stays_so_whatever_happens_to_its_files()
    {
        (await _service.PostJsonAsync("/models/colors/unload", "")).MustBe(HttpStatusCode.OK);
        _folder.Write("colors/labels.txt", "r\ng\nb");
        Assert.Equal(1, await LookAsync(seconds: 3));
        Assert.Equal("colors unloaded", await StatesAsync());
        (await _service.PostJsonAsync("/models/colors/load", "")).MustBe(HttpStatusCode.OK);
        Assert.Equal("r .8", (await _service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
        Assert.Equal(0, await LookAsync(seconds: 10));
    }

    [Fact]
    public async Task Of_a_link_that_leads_elsewhere_what_it_leads_to_is_seen_to_change()
    {
        using var elsewhere = ModelFolder.WithColors();
        File.Delete(_folder.File("colors/labels.txt"));
        File.CreateSymbolicLink(_folder.File("colors/labels.txt"), elsewhere.File("colors/labels.txt"));
        Directory.CreateSymbolicLink(_folder.File("colors/round"), _folder.Path);
        var before = FolderPrint.Of(_folder.File("colors"));
        Assert.Equal(before, FolderPrint.Of(_folder.File("colors")));
        elsewhere.Write("colors/labels.txt", "other");
        Assert.NotEqual(before, FolderPrint.Of(_folder.File("colors")));
    }

    [Fact]
    public async Task A_service_of_its_own_accord_serves_what_is_copied_into_its_folder()
    {
        // The one test that goes by the real clock: it waits for as long as it takes.
        await using var service = await TestService.StartAsync(
            ModelFolder.WithColors(), "--Repository:Watch", "true", "--Repository:WatchInterval", "00:00:00.1", "--Repository:SettleTime", "00:00:00.3");
        var models = service.Models.Entries[0].Files.Folder!;
        var copy = Path.Combine(Path.GetDirectoryName(models)!, "copy");
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.GetFiles(models))
        {
            await using var from = File.OpenRead(file);
            await using var to = File.Create(Path.Combine(copy, Path.GetFileName(file)));
            await from.CopyToAsync(to, bufferSize: 64, Cancellation);
        }

        for (var change = service.Models.NextChange; !service.Models.Entries.Any(entry => entry.Name == "copy" && entry.State == ModelState.Ready); change = service.Models.NextChange)
        {
            await change.WaitAsync(Cancellation);
        }

        Assert.Equal("red .8", (await service.PostAsync("/classify?model=copy&top_k=1", Photos.Red)).Predictions);
    }

    private static Graph TwoClasses()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Flatten(g.GlobalAveragePool(g.Input("pixels", ElementType.Float, "N", 3, 4, 4)));
        return g.Output("scores", g.Gemm(x, g.Constant([1f, 0, 0, 1, 0, 0], 3, 2), g.Constant(new float[2]))).Build();
    }

    /// <summary>Lets seconds pass one by one, and does as the service would each time.</summary>
    /// <returns>How many places had settled.</returns>
    private async Task<int> LookAsync(int seconds)
    {
        var count = 0;
        for (var second = 0; second <= seconds; second++)
        {
            foreach (var place in _watch.Look())
            {
                await _service.Models.RefreshAsync(place.Root, place.Place, place.Print);
                count++;
            }

            _time.Advance(second < seconds ? TimeSpan.FromSeconds(1) : TimeSpan.Zero);
        }

        return count;
    }

    private Task<string> StatesAsync() => ModelCatalogTests.StatesAsync(_service);

    private async Task<System.Text.Json.JsonElement> ModelAsync(string name) => (await _service.GetAsync($"/models/{name}")).MustBe(HttpStatusCode.OK).Json;

    private async Task<string[]> VersionsAsync(string name) =>
    [
        .. (await ModelAsync(name)).GetProperty("versions").EnumerateArray()
            .Select(version => $"{version.GetProperty("version").GetString()} {version.GetProperty("state").GetString()}"),
    ];
}
