using System.Net;
using OnnxGraph;
using VisionService.Inference;
using VisionService.Repository;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Repository;

/// <summary>Folders of models, good and bad, behind a running service.</summary>
public class ModelCatalogTests
{
    private const string Unit = "input: {preset: unit}";

    [Fact]
    public async Task A_bare_file_a_folder_and_several_folders_are_served()
    {
        using var bare = new ModelFolder();
        TinyModels.Colors().Save(bare.File("bare.onnx"));
        bare.Write("bare.txt", ModelFolder.ColorLabels).Write("bare.yaml", Unit);
        using var folder = ModelFolder.WithColors("inner");
        await using var service = await TestService.StartAsync([bare.File("bare.onnx"), folder.Path], null);
        Assert.Equal("bare ready, inner ready", await StatesAsync(service));
        foreach (var model in new[] { "bare", "inner" })
        {
            Assert.Equal("blue .8", (await service.PostAsync($"/classify?model={model}&top_k=1", Photos.Of(new(0, 0, 255)))).Predictions);
        }
    }

    [Fact]
    public async Task A_session_that_breaks_is_replaced()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        var catalog = service.Models;
        var broken = await BreakAsync(service, catalog);
        await BecomesAsync(catalog, entry => entry.Loaded!.Model != broken);
        Assert.Equal("red .8", (await service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
    }

    [Fact]
    public async Task A_session_that_cannot_be_replaced_takes_the_service_out_until_it_can()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        var catalog = service.Models;
        var file = catalog.Entries[0].Files.Onnx!;
        var model = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        File.Delete(file);
        await BreakAsync(service, catalog);
        await BecomesAsync(catalog, static entry => entry.State == ModelState.Lost);
        (await service.GetAsync("/readyz")).MustBe(HttpStatusCode.ServiceUnavailable);
        Assert.StartsWith(
            "Model 'colors' has lost its session, which is being replaced: ",
            (await service.PostAsync("/classify", Photos.Red)).Problem(409, "model-loading"),
            StringComparison.Ordinal);
        await File.WriteAllBytesAsync(file, model, TestContext.Current.CancellationToken);
        await BecomesAsync(catalog, static entry => entry.State == ModelState.Ready);
        (await service.GetAsync("/readyz")).MustBe(HttpStatusCode.OK);
        Assert.Equal("red .8", (await service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
    }

    /// <summary>Closes the session behind a model, as a lost device would, and lets requests run into it.</summary>
    private static async Task<Model> BreakAsync(TestService service, ModelCatalog catalog)
    {
        var model = catalog.Entries[0].Loaded!.Model;
        using (var item = model.NewItem(model.Input))
        {
            item.Session.Dispose();
        }

        while (!model.Faulted.IsCompleted)
        {
            (await service.PostAsync("/classify", Photos.Red)).Problem(500, "inference-failed");
        }

        return model;
    }

    private static async Task BecomesAsync(ModelCatalog catalog, Func<ModelEntry, bool> isThere)
    {
        while (true)
        {
            var change = catalog.NextChange;
            if (isThere(catalog.Entries[0]))
            {
                return;
            }

            await change.WaitAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Of_two_models_with_one_name_the_first_is_served()
    {
        using var first = new ModelFolder().Add("colors", TinyModels.Colors(), Unit, "a\nb\nc");
        await using var service = await TestService.StartAsync([first.Path, ModelFolder.WithColors().Path], null);
        Assert.Equal("colors ready", await StatesAsync(service));
        Assert.Equal("a .8", (await service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
    }

    [Fact]
    public async Task The_default_model_is_the_first_by_name_unless_configured()
    {
        static ModelFolder Two() => new ModelFolder()
            .Add("b", TinyModels.Colors(), Unit, "b0\nb1\nb2").Add("a", TinyModels.Colors(), Unit, "a0\na1\na2");
        await using var plain = await TestService.StartAsync(Two());
        Assert.Equal("a0 .8", (await plain.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
        await using var told = await TestService.StartAsync(Two(), "--Repository:Defaults:classify", "b");
        Assert.Equal("b0 .8", (await told.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
    }

    public static TheoryData<string, Graph, string?, string?, string> Refused => new()
    {
        { "two inputs", TinyModels.TwoInputs(), null, null, "The model has 2 inputs (left: Float [N, 3, 4, 4]; right: Float [N, 3, 4, 4]); a classifier has one, for the image." },
        { "no scores", TinyModels.FeatureMap(), "{task: classify, input: {preset: unit}}", null, "No output holds class scores [1, classes]. Outputs: map [1, 3, 4, 4]." },
        { "other output", TinyModels.Colors(), "{input: {preset: unit}, output: {scores: probs}}", null, "There is no output 'probs'. Outputs: scores [1, 3]." },
        { "few labels", TinyModels.Colors(), Unit, "red", "There are 1 labels for 3 classes." },
        { "many labels", TinyModels.Colors(), Unit, "1\n2\n3\n4", "There are 4 labels for 3 classes." },
        { "no background", TinyModels.Colors(), "{input: {preset: unit}, output: {background: none}}", "red\ngreen", "There are 2 labels for 3 classes." },
        { "other size", TinyModels.Colors(), "input: {size: 8}", null, "vision.yaml: 'size' is [8, 8], but the file fixes [4, 4] (width, height)." },
        { "other task", TinyModels.Colors(), "task: clasify", null, "vision.yaml: 'task' must be one of classify, detect, segment, tensors, not 'clasify'." },
        { "grey colours", TinyModels.Colors(), "input: {color: gray}", null, "vision.yaml: 'color' is gray, but the input has 3 channel(s)." },
        { "two means", TinyModels.Colors(), "input: {mean: [1, 2]}", null, "vision.yaml: 'mean' has 2 values; the input has 3 channel(s)." },
        { "four channels", Passing(4, 4, 4), null, null, "The input 'pixels: Float [N, 4, 4, 4]' has 4 channels; an image has 3, or 1." },
        { "a vector", Passing(4), null, null, "No input of the model takes an image. Inputs: pixels: Float [N, 4]." },
        { "open size", Passing(3, "H", "W"), null, null, "The file leaves the size of its input open; vision.yaml must say it: input: {size: [width, height]}." },
        { "labels elsewhere", TinyModels.Colors(), "labels: ../labels.txt", null, "vision.yaml: 'labels' names the file '../labels.txt'; it must lie beside the manifest." },
        { "a typo", TinyModels.Colors(), "inptu: {size: 4}", null, "vision.yaml: unknown key 'inptu' (did you mean 'input'?)." },
    };

    [Fact]
    public async Task A_model_that_cannot_be_served_says_why_and_does_not_stop_the_others()
    {
        var folder = ModelFolder.WithColors();
        var expected = new Dictionary<string, string>();
        foreach (var (name, graph, manifest, labels, problem) in Refused.Select(row => row.Data))
        {
            var id = name.Replace(' ', '-');
            folder.Add(id, graph, manifest, labels);
            expected.Add(id, problem);
        }

        await using var service = await TestService.StartAsync(folder.Add("no graph", null, Unit).Add("nothing", null, Unit));
        expected.Add("no graph", "the folder holds no .onnx file");
        expected.Add("nothing", "the folder holds no .onnx file");

        var models = (await service.GetAsync("/models")).MustBe(HttpStatusCode.OK).Json.GetProperty("models").EnumerateArray().ToArray();
        Assert.All(models, model =>
        {
            var name = model.GetProperty("name").GetString()!;
            Assert.Equal(name == "colors" ? "ready" : "failed", model.GetProperty("state").GetString());
            Assert.StartsWith(
                expected.GetValueOrDefault(name, ""), name == "colors" ? "" : model.GetProperty("problem").GetString(), StringComparison.Ordinal);
        });
        Assert.Equal(expected.Count + 1, models.Length);
        (await service.GetAsync("/readyz")).MustBe(HttpStatusCode.OK);
        Assert.Equal("red .8", (await service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
        Assert.Equal(
            "Model 'few-labels' could not be loaded: There are 1 labels for 3 classes.",
            (await service.PostAsync("/classify?model=few-labels", Photos.Red)).Problem(404, "model-not-found"));
    }

    [Fact]
    public async Task The_files_that_are_no_models_are_refused_in_words()
    {
        using var folder = ModelFolder.WithColors();
        foreach (var file in Directory.GetFiles(SharedFiles.Path("models/negative"), "*.onnx"))
        {
            File.Copy(file, folder.File(Path.GetFileName(file)));
        }

        await using var service = await TestService.StartAsync([folder.Path], null);
        var problems = (await service.GetAsync("/models")).Json.GetProperty("models").EnumerateArray()
            .Where(model => model.GetProperty("state").GetString() == "failed")
            .ToDictionary(model => model.GetProperty("name").GetString()!, model => model.GetProperty("problem").GetString()!);
        Assert.Contains("HTML", problems["html-page-named-fsrcnn_x2"], StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Git LFS", problems["lfs-pointer-scrfd_500m"]);
        Assert.Contains("lies in the external file", problems["missing-external-data-cifar10"]);
        Assert.Equal("red .8", (await service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
    }

    [Fact]
    public async Task With_no_model_that_answers_the_service_is_alive_but_not_ready()
    {
        await using var service = await TestService.StartAsync(new ModelFolder().Add("bad", TinyModels.TwoInputs()));
        var ready = await service.GetAsync("/readyz");
        Assert.Equal("unavailable", ready.MustBe(HttpStatusCode.ServiceUnavailable).Json.GetProperty("status").GetString());
        (await service.GetAsync("/healthz")).MustBe(HttpStatusCode.OK);
        Assert.Equal("live", (await service.GetAsync("/livez")).Text);
        Assert.Equal("No model here can classify. Models: bad.", (await service.PostAsync("/classify", Photos.Red)).Problem(404, "model-not-found"));
    }

    [Fact]
    public async Task The_inventory_tells_what_a_model_is_and_why()
    {
        await using var service = await TestService.StartAsync(
            ModelFolder.WithColors().Write("colors/vision.yaml", "{task: classify, family: tiny, input: {preset: unit}, batching: {max: 4, max_queue: 9}, instances: {cpu: 1}}"));
        var model = (await service.GetAsync("/models/colors")).MustBe(HttpStatusCode.OK).Json;
        Assert.Equal("tiny", model.GetProperty("family").GetString());
        Assert.Equal("""{"channels":3,"height":4,"width":4}""", model.GetProperty("input").GetRawText());
        Assert.Equal("""["red","green","blue"]""", model.GetProperty("labels").GetRawText());
        Assert.Equal(
            """{"runners":1,"max_batch_size":4,"max_queue_delay_ms":0,"max_queue_size":9,"queue_length":0,"running":0}""",
            model.GetProperty("batching").GetRawText());
        var cost = model.GetProperty("cost").EnumerateObject().ToDictionary(part => part.Name, part => part.Value.GetDouble());
        Assert.True(cost["milliseconds_per_image"] + cost["milliseconds_per_run"] > 0);
        Assert.Equal(0, cost["predicted_wait_ms"]);
        var evidence = model.GetProperty("evidence").EnumerateArray().ToDictionary(
            entry => entry.GetProperty("subject").GetString()!, entry => $"{entry.GetProperty("conclusion")} ({entry.GetProperty("source")})");
        Assert.Equal("classify (vision.yaml)", evidence["task"]);
        Assert.Equal("unit (vision.yaml)", evidence["input normalisation"]);
        Assert.Equal("Softmax (the graph's last operation)", evidence["activation"]);
        (await service.GetAsync("/models/colours")).Problem(404, "model-not-found");
    }

    [Fact]
    public async Task The_models_that_ship_are_served_by_default()
    {
        await using var service = await TestService.StartAsync([], null);
        Assert.Equal("cifar10-resnet20 ready, street-detection ready, street-segmentation ready", await StatesAsync(service));
        (await service.PostAsync("/classify", Photos.Red)).MustBe(HttpStatusCode.OK);
    }

    internal static async Task<string> StatesAsync(TestService service) => string.Join(
        ", ",
        (await service.GetAsync("/models")).Json.GetProperty("models").EnumerateArray().Select(
            model => $"{model.GetProperty("name").GetString()} {model.GetProperty("state").GetString()}"));

    /// <summary>A model that answers with its input, flattened.</summary>
    private static Graph Passing(params Dimension[] shape)
    {
        var g = new GraphBuilder();
        return g.Output("scores", g.Flatten(g.Input("pixels", ElementType.Float, ["N", .. shape]))).Build();
    }
}
