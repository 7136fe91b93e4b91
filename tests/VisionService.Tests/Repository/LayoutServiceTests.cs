using OnnxGraph;
using VisionService.Tests.Detection;

namespace VisionService.Tests.Repository;

/// <summary>What users have, dropped into the folder of models as it is: it answers rightly and shows why, or says what is
/// wrong.</summary>
public class LayoutServiceTests
{
    private const string UnitProcessor = """{"do_rescale": true, "rescale_factor": 0.00392156862745098, "do_normalize": false, "size": {"height": 4, "width": 4}}""";

    private const string HalfProcessor = """
        {"image_processor_type": "ViTImageProcessor", "rescale_factor": 0.00392156862745098, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "size": {"height": 4, "width": 4}}
        """;

    private const string HuggingFace = """
        {"architectures": ["ViTForImageClassification"], "model_type": "vit", "id2label": {"0": "red, dark", "1": "green", "2": "blue"}}
        """;

    private static readonly byte[] Scene = Scenes.Of(64, 64, (Scenes.Red, 8, 8, 24, 24), (Scenes.Blue, 32, 0, 64, 64));

    [Fact]
    public async Task A_bare_file_has_its_side_files_by_its_own_name()
    {
        await using var service = await StartAsync(new ModelFolder().Save("x.onnx", TinyModels.Colors())
            .Write("x.yaml", "input: {preset: unit}").Write("x.txt", ModelFolder.ColorLabels).Write("config.json", "not for x"));
        Assert.Equal("red .8, green .1, blue .1", await ClassifyAsync(service));
        Assert.Equal("unit (x.yaml)", (await EvidenceAsync(service))["input normalisation"]);
        Assert.Equal("3 names (x.txt)", (await EvidenceAsync(service))["labels"]);
    }

    [Fact]
    public async Task Tritons_layout_is_served_in_its_highest_version()
    {
        await using var service = await StartAsync(new ModelFolder()
            .Save("x/1/model.onnx", TinyModels.FeatureMap()) // no classifier at all
            .Save("x/2/model.onnx", TinyModels.Colors())
            .Write("x/names.txt", ModelFolder.ColorLabels)
            .Write("x/vision.yaml", "input: {preset: unit}")
            .Write("x/config.pbtxt", """
                name: "x" backend: "onnxruntime" max_batch_size: 4
                input { name: "pixels" data_type: TYPE_FP32 dims: [ 3, 4, 4 ] }
                output { name: "scores" data_type: TYPE_FP32 dims: [ 3 ] label_filename: "names.txt" }
                dynamic_batching { max_queue_delay_microseconds: 3000 }
                instance_group { count: 1 kind: KIND_CPU }
                optimization { }
                """));
        Assert.Equal("red .8, green .1, blue .1", await ClassifyAsync(service));
        var model = (await service.GetAsync("/models/x")).Json;
        Assert.Equal("2", model.GetProperty("version").GetString());
        Assert.Equal(4, model.GetProperty("batching").GetProperty("max_batch_size").GetInt32());
        Assert.Equal(3, model.GetProperty("batching").GetProperty("max_queue_delay_ms").GetDouble());
        Assert.Equal("3 names (config.pbtxt)", (await EvidenceAsync(service))["labels"]);
        Assert.Equal("ignored: optimization (config.pbtxt)", (await EvidenceAsync(service))["warning"]);
    }

    [Fact]
    public async Task Hugging_Faces_layout_is_served_with_its_own_numbers()
    {
        await using var service = await StartAsync(new ModelFolder().Save("x/onnx/model.onnx", TinyModels.Colors())
            .Write("x/onnx/model_fp16.onnx", "left aside").Write("x/config.json", HuggingFace).Write("x/preprocessor_config.json", HalfProcessor));

        // Red is seen as (1, -1, -1): exp of the logits is (8, 1/8, 1/8), their sum 8.25.
        Assert.Equal("red, dark .97, green .015, blue .015", await ClassifyAsync(service));
        var evidence = await EvidenceAsync(service);
        Assert.Equal("classify (config.json)", evidence["task"]);
        Assert.Equal("3 names (config.json)", evidence["labels"]);
        Assert.Equal("scale 0.003922, mean and std as listed (preprocessor_config.json)", evidence["input normalisation"]);
        Assert.Equal("Stretch (preprocessor_config.json)", evidence["resize"]);
        Assert.Equal("model.onnx is served; left aside: model_fp16.onnx (the folder)", evidence["warning"]);
    }

    [Fact]
    public async Task Detr_is_told_from_its_kin_by_the_type_that_the_config_names()
    {
        // Softmax of (0, ln 9, 0, -100) is .818 for the second class; the last of four is 'no object'.
        var g = new GraphBuilder(opset: 13);
        g.Input("pixel_values", ElementType.Float, "N", 3, "H", "W");
        void Output(string name, float[] values, params long[] shape) =>
            g.Output(name, g.Node("Identity", [g.Constant(values, shape)]), ElementType.Float, [.. shape.Select(side => (Dimension)side)]);
        Output("logits", [0, MathF.Log(9), 0, -100, -100, -100, -100, 100], 1, 2, 4);
        Output("pred_boxes", [0.25f, 0.25f, 0.25f, 0.25f, 0.5f, 0.5f, 1, 1], 1, 2, 4);
        await using var service = await StartAsync(new ModelFolder().Save("x/model.onnx", g.Build())
            .Write("x/config.json", """{"architectures": ["DetrForObjectDetection"], "model_type": "detr", "id2label": {"0": "a", "1": "b", "2": "c"}}""")
            .Write("x/preprocessor_config.json", """{"size": {"shortest_edge": 32, "longest_edge": 48}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}"""));
        Assert.Equal("b 8,8,24,24", Found.In(await service.PostAsync("/detect", Scene)));
        Assert.Equal("detr (config.json)", (await EvidenceAsync(service))["family"]);
        Assert.Equal("Letterbox (preprocessor_config.json)", (await EvidenceAsync(service))["resize"]);
        var input = (await service.GetAsync("/models/x")).Json.GetProperty("input");
        Assert.Equal("""{"channels":3,"height":48,"width":48}""", input.GetRawText());
    }

    [Fact]
    public async Task Several_labels_at_once_are_read_with_a_sigmoid_unless_the_graph_has_one()
    {
        const string MultiLabel = """{"architectures": ["ViTForImageClassification"], "problem_type": "multi_label_classification"}""";
        await using var service = await StartAsync(new ModelFolder()
            .Save("x/model.onnx", TinyModels.Colors()).Write("x/config.json", MultiLabel).Write("x/preprocessor_config.json", UnitProcessor)
            .Save("y/model.onnx", TinyModels.Colors(softmax: true)).Write("y/config.json", MultiLabel).Write("y/preprocessor_config.json", UnitProcessor));
        Assert.Equal("Sigmoid (config.json)", (await EvidenceAsync(service))["activation"]);
        Assert.Equal("class 0 .889, class 1 .5, class 2 .5", await ClassifyAsync(service)); // 8 / (8 + 1), 1 / 2, 1 / 2
        Assert.Equal("None (the graph's last operation)", (await EvidenceAsync(service, "y"))["activation"]);
    }

    [Fact]
    public async Task Timms_layout_is_served()
    {
        await using var service = await StartAsync(new ModelFolder().Save("x/model.onnx", TinyModels.Colors()).Write("x/config.json", """
            {"architecture": "tiny", "pretrained_cfg": {"input_size": [3, 4, 4], "crop_pct": 0.5, "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1],
              "label_names": ["red", "green", "blue"]}}
            """));
        Assert.Equal("red .8, green .1, blue .1", await ClassifyAsync(service));
        Assert.Equal("ShortestCrop (config.json)", (await EvidenceAsync(service))["resize"]);
    }

    [Fact]
    public async Task Ultralytics_classifiers_are_served_from_the_side_file_or_the_file_itself()
    {
        var inFile = new GraphBuilder(opset: 13);
        inFile.Output("scores", TinyModels.Means(inFile, inFile.Input("images", ElementType.Float, "N", 3, 4, 4), MathF.Log(8)))
            .Metadata("author", "Ultralytics").Metadata("task", "classify").Metadata("names", "{0: 'red', 1: 'green', 2: 'blue'}");
        await using var service = await StartAsync(new ModelFolder()
            .Save("x/best.onnx", TinyModels.Colors()).Write("x/metadata.yaml", "{author: Ultralytics, task: classify, names: {0: red, 1: green, 2: blue}}")
            .Save("y/best.onnx", inFile.Build()));
        Assert.Equal("red .8, green .1, blue .1", await ClassifyAsync(service));
        Assert.Equal("red .8, green .1, blue .1", await ClassifyAsync(service, "y"));
        Assert.Equal("unit (metadata.yaml)", (await EvidenceAsync(service))["input normalisation"]);
        Assert.Equal("unit (the file's metadata)", (await EvidenceAsync(service, "y"))["input normalisation"]);
    }

    [Fact]
    public async Task Kerass_class_indices_are_labels()
    {
        await using var service = await StartAsync(new ModelFolder().Save("x/model.onnx", TinyModels.ColorsInterleaved())
            .Write("x/class_indices.json", """{"blue": 2, "red": 0, "green": 1}""").Write("x/vision.yaml", "input: {preset: unit}"));
        Assert.Equal("red .8, green .1, blue .1", await ClassifyAsync(service));
        Assert.Equal("3 names (class_indices.json)", (await EvidenceAsync(service))["labels"]);
    }

    [Fact]
    public async Task Mmdeploys_layout_is_served()
    {
        await using var service = await StartAsync(new ModelFolder().Save("x/end2end.onnx", TinyModels.Colors())
            .Write("x/deploy.json", """{"task": "Classifier"}""").Write("x/detail.json", "{}")
            .Write("x/pipeline.json", """
                {"pipeline": {"tasks": [{"transforms": [{"type": "LoadImageFromFile"}, {"type": "Resize", "size": [4, 4], "keep_ratio": false},
                  {"type": "Normalize", "mean": [0, 0, 0], "std": [255, 255, 255], "to_rgb": false}]},
                  {"name": "postprocess", "params": {"labels": ["blue", "green", "red"]}}]}}
                """));

        // The first channel is blue here, which red has none of.
        Assert.Equal("red .8, blue .1, green .1", await ClassifyAsync(service));
        Assert.Equal("classify (deploy.json)", (await EvidenceAsync(service))["task"]);
    }

    [Fact]
    public async Task PaddleDetections_layout_is_served()
    {
        await using var service = await StartAsync(new ModelFolder().Save("x/model.onnx", TinyDetectors.Colors(64, 64).Build()).Write("x/infer_cfg.yml", """
            arch: YOLO
            Preprocess:
            - {type: Resize, target_size: [64, 64], keep_ratio: false, interp: 1}
            - {type: NormalizeImage, is_scale: true, norm_type: none}
            - {type: Permute}
            - {type: PadStride, stride: 32}
            label_list: [red, green, blue]
            """));
        Assert.Equal("red 8,8,24,24; blue 32,0,64,64", Found.In(await service.PostAsync("/detect", Scene)));
        Assert.Equal("detect (infer_cfg.yml)", (await EvidenceAsync(service))["task"]);
        Assert.Equal("3 names (infer_cfg.yml)", (await EvidenceAsync(service))["labels"]);
    }

    [Fact]
    public async Task TensorFlows_layout_is_served_with_labels_by_its_own_ids()
    {
        var g = new GraphBuilder(opset: 13);
        g.Input("input_tensor", ElementType.UInt8, 1, "H", "W", 3);
        void Output(string name, float[] values, params long[] shape) =>
            g.Output(name, g.Node("Identity", [g.Constant(values, shape)]), ElementType.Float, [.. shape.Select(side => (Dimension)side)]);
        Output("detection_boxes", [0.125f, 0.125f, 0.375f, 0.375f, 0, 0.5f, 1, 1], 1, 2, 4);
        Output("detection_classes", [4, 1], 1, 2);
        Output("detection_scores", [0.9f, 0.8f], 1, 2);
        Output("num_detections", [2], 1);
        await using var service = await StartAsync(new ModelFolder().Save("x/model.onnx", g.Build())
            .Write("x/pipeline.config", "model { ssd { image_resizer { fixed_shape_resizer { height: 32 width: 48 } } } }")
            .Write("x/label_map.pbtxt", "item { id: 1 display_name: 'person' } item { id: 2 display_name: 'cab' } item { id: 4 display_name: 'dog' }"));

        // y, x, y, x of 64 x 64 pixels.
        Assert.Equal("dog 8,8,24,24; person 32,0,64,64", Found.In(await service.PostAsync("/detect", Scene)));
        var input = (await service.GetAsync("/models/x")).Json.GetProperty("input");
        Assert.Equal("""{"channels":3,"height":32,"width":48}""", input.GetRawText());
        Assert.Equal("4 names (label_map.pbtxt)", (await EvidenceAsync(service))["labels"]);
    }

    [Fact]
    public async Task The_manifest_beats_the_side_file_and_that_the_metadata()
    {
        var said = new GraphBuilder(opset: 13);
        said.Output("scores", TinyModels.Means(said, said.Input("images", ElementType.Float, "N", 3, 4, 4), MathF.Log(8)))
            .Metadata("author", "Ultralytics").Metadata("task", "classify").Metadata("names", "['a', 'b', 'c']");
        var graph = said.Build();
        await using var service = await StartAsync(new ModelFolder()
            .Save("x/model.onnx", graph).Write("x/config.json", HuggingFace).Write("x/preprocessor_config.json", HalfProcessor)
            .Save("y/model.onnx", graph).Write("y/config.json", HuggingFace).Write("y/preprocessor_config.json", HalfProcessor)
            .Write("y/vision.yaml", "{input: {preset: unit}, labels: [r, g, b]}"));
        Assert.Equal("red, dark .97, green .015, blue .015", await ClassifyAsync(service));
        Assert.Equal("r .8, g .1, b .1", await ClassifyAsync(service, "y"));
        Assert.Equal("unit (vision.yaml)", (await EvidenceAsync(service, "y"))["input normalisation"]);
        Assert.Equal("Stretch (preprocessor_config.json)", (await EvidenceAsync(service, "y"))["resize"]);
        Assert.Equal("classify (config.json)", (await EvidenceAsync(service, "y"))["task"]);
    }

    [Fact]
    public async Task A_graph_that_takes_bytes_normalises_by_itself_whatever_the_side_file_says()
    {
        await using var service = await StartAsync(new ModelFolder()
            .Save("x/model.onnx", TinyModels.Colors(type: ElementType.UInt8)).Write("x/preprocessor_config.json", HalfProcessor));
        Assert.Equal("none: the model takes bytes (the graph)", (await EvidenceAsync(service))["input normalisation"]);
    }

    [Theory]
    [InlineData("config.pbtxt", "max_batch_size: many", "config.pbtxt: 'max_batch_size' must be a whole number from 0 to 2147483647, not 'many'.")]
    [InlineData("config.pbtxt", "input { name: 'pixel' dims: [3, 4, 4] }", "config.pbtxt: the file has no input 'pixel' (did you mean 'pixels'?); it has pixels.")]
    [InlineData("config.pbtxt", "output { name: 'probabilities' dims: [3] }", "config.pbtxt: the file has no output 'probabilities'; it has scores.")]
    [InlineData("config.pbtxt", "output { label_filename: '../labels.txt' }", "config.pbtxt: 'label_filename' names the file '../labels.txt'; it must lie beside config.pbtxt.")]
    [InlineData("config.pbtxt", "output { label_filename: '/etc/passwd' }", "config.pbtxt: 'label_filename' names the file '/etc/passwd'; it must lie beside config.pbtxt.")]
    [InlineData("config.pbtxt", "output { label_filename: 'none.txt' }", "none.txt cannot be read: ")]
    [InlineData("config.pbtxt", "default_model_filename: '../../x.onnx'", "config.pbtxt names the file '../../x.onnx'; it must lie in the model's folder")]
    [InlineData("config.pbtxt", "name: 'a/b'", "a model's name is made of letters, digits, '.', '_' and '-', at most 128")]
    [InlineData("config.pbtxt", "name: '..'", "a model's name is made of letters, digits, '.', '_' and '-', at most 128")]
    [InlineData("preprocessor_config.json", "{", "preprocessor_config.json cannot be read as JSON: ")]
    [InlineData("preprocessor_config.json", """{"size": 5}""", "preprocessor_config.json: 'size' is [5, 5], but the file fixes [4, 4] (width, height).")]
    [InlineData("preprocessor_config.json", """{"size": 4, "image_mean": [1, 2], "image_std": [1, 2]}""", "preprocessor_config.json: 'mean' has 2 values; the input has 3 channel(s).")]
    [InlineData("labels.json", """{"0": "a", "5": "b"}""", "labels.json does not number its 2 classes from 0 to 1.")]
    public async Task What_is_wrong_is_refused_by_the_name_of_its_file(string file, string text, string problem)
    {
        await using var service = await StartAsync(new ModelFolder().Save("x/model.onnx", TinyModels.Colors()).Write($"x/{file}", text));
        Assert.StartsWith(problem, await ProblemAsync(service), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_of_a_config_that_are_not_as_many_as_the_classes_are_refused()
    {
        await using var service = await StartAsync(new ModelFolder().Save("x/model.onnx", TinyModels.Colors())
            .Write("x/vision.yaml", "input: {preset: unit}")
            .Write("x/config.json", """{"model_type": "vit", "id2label": {"0": "a", "1": "b", "2": "c", "3": "d", "4": "e"}}"""));
        Assert.Equal("There are 5 labels for 3 classes.", await ProblemAsync(service));
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("labels.txt")]
    [InlineData("vision.yaml")]
    public async Task A_side_file_that_links_out_of_the_folder_is_refused(string file)
    {
        var folder = new ModelFolder().Save("x/model.onnx", TinyModels.Colors()).Write("secret", "a\nb\nc");
        File.CreateSymbolicLink(folder.File($"x/{file}"), folder.File("secret"));
        await using var service = await StartAsync(folder);
        Assert.Equal($"{file} is a link that leads out of the model's folder.", await ProblemAsync(service));
    }

    [Fact]
    public async Task A_side_file_larger_than_allowed_is_refused()
    {
        await using var service = await StartAsync(
            new ModelFolder().Save("x/model.onnx", TinyModels.Colors()).Write("x/config.json", new string(' ', (1 << 20) + 1)));
        Assert.Equal("config.json has 1048577 bytes; at most 1048576 are read.", await ProblemAsync(service));
    }

    private static Task<TestService> StartAsync(ModelFolder folder) => TestService.StartAsync(folder);

    private static async Task<string> ClassifyAsync(TestService service, string model = "x") =>
        (await service.PostAsync($"/classify?model={model}", Photos.Red)).MustBe(System.Net.HttpStatusCode.OK).Predictions;

    private static async Task<Dictionary<string, string>> EvidenceAsync(TestService service, string model = "x") =>
        (await service.GetAsync($"/models/{model}")).MustBe(System.Net.HttpStatusCode.OK).Json.GetProperty("evidence").EnumerateArray().ToDictionary(
            entry => entry.GetProperty("subject").GetString()!, entry => $"{entry.GetProperty("conclusion")} ({entry.GetProperty("source")})");

    private static async Task<string> ProblemAsync(TestService service) => (await service.GetAsync("/models")).Json.GetProperty("models")
        .EnumerateArray().Single().GetProperty("problem").GetString()!;
}
