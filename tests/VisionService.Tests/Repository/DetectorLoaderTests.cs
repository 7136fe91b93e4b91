using System.Text.Json;
using OnnxGraph;
using VisionService.Detection;
using VisionService.Repository;
using VisionService.Tests.Detection;

namespace VisionService.Tests.Repository;

/// <summary>What a detector is taken for, and what is refused with which words.</summary>
public class DetectorLoaderTests
{
    private static readonly byte[] Image = Scenes.Of(64, 64, (Scenes.Red, 8, 8, 24, 24), (Scenes.Blue, 32, 0, 64, 64));

    [Fact]
    public async Task Shapes_alone_make_a_detector_and_the_evidence_says_so()
    {
        await using var service = await StartAsync(
            TinyDetectors.Colors(64, 64).Build(), TinyDetectors.Unit, ModelFolder.ColorLabels);
        Assert.Equal("red 8,8,24,24; blue 32,0,64,64", Found.In(await service.PostAsync("/detect", Image)));
        var evidence = await EvidenceAsync(service);
        Assert.Contains("task: detect (names and shapes of the outputs)", evidence);
        Assert.Contains("family: yolov8 (names and shapes of the outputs)", evidence);
    }

    [Theory]
    [InlineData("{0: 'red', 1: 'green', 2: 'blue'}", "red; blue")]
    [InlineData("['red', 'green', 'blue']", "red; blue")]
    [InlineData("{2: 'blue', 0: 'red', 1: 'green'}", "red; blue")]
    [InlineData("""{0: "driver's, 'cab': left", 1: 'b', 2: '{"c"}'}""", "driver's, 'cab': left; {\"c\"}")]
    [InlineData(@"{0: 'K\xe4fer', 1: 'b', 2: '\u732b \U0001F600'}", "Käfer; 猫 😀")]
    public async Task Names_in_Ultralytics_metadata_are_the_labels(string names, string labels)
    {
        await using var service = await StartAsync(Ultralytics(names));
        var answer = await service.PostAsync("/detect", Image);
        Assert.Equal(labels, string.Join("; ", answer.Json.GetProperty("predictions").EnumerateArray().Select(
            static prediction => prediction.GetProperty("label").GetString())));
        Assert.Contains("task: detect (the file's metadata)", await EvidenceAsync(service));
    }

    [Theory]
    [InlineData("{0: 'red', 1", "The file's metadata 'names' cannot be read: A Python literal needs ':' at position 12 of 12.")]
    [InlineData("{0: 'red' 1: 'green'}", "The file's metadata 'names' cannot be read: A Python literal needs ',' at position 10 of 21.")]
    [InlineData("red, green", "The file's metadata 'names' cannot be read: A Python literal needs a value at position 3 of 10.")]
    [InlineData("{0: 'red', 2: 'blue'}", "The file's metadata 'names' does not number its 2 classes from 0 to 1.")]
    [InlineData("{1: 'red', 2: 'green', 3: 'blue'}", "The file's metadata 'names' does not number its 3 classes from 0 to 2.")]
    [InlineData("{0: 'red', 0: 'green', 1: 'blue'}", "The file's metadata 'names' does not number its 3 classes from 0 to 2.")]
    [InlineData("{'red': 0}", "The file's metadata 'names' is neither a list of names nor names by class id.")]
    [InlineData("['red', 1, 'blue']", "The file's metadata 'names' is neither a list of names nor names by class id.")]
    [InlineData("17", "The file's metadata 'names' is neither a list of names nor names by class id.")]
    public async Task Names_that_cannot_be_read_are_refused(string names, string problem)
    {
        await using var service = await StartAsync(Ultralytics(names));
        Assert.Equal(problem, await ProblemAsync(service));
    }

    [Fact]
    public async Task A_label_file_wins_over_the_metadata()
    {
        await using var service = await StartAsync(
            Ultralytics("{0: 'a', 1: 'b', 2: 'c'}"), labels: ModelFolder.ColorLabels);
        Assert.Equal("red 8,8,24,24; blue 32,0,64,64", Found.In(await service.PostAsync("/detect", Image)));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(80)]
    public async Task Labels_of_another_number_than_classes_are_refused(int count)
    {
        var labels = string.Join('\n', Enumerable.Range(0, count).Select(static id => $"label {id}"));
        await using var service = await StartAsync(TinyDetectors.Colors(64, 64).Build(), TinyDetectors.Unit, labels);
        var problem = await ProblemAsync(service);
        Assert.Equal($"There are {count} labels for 3 classes.", problem);
    }

    [Fact]
    public async Task An_output_that_can_be_read_in_several_ways_is_refused_with_each_of_them()
    {
        // 84 rows are the cells of strides 8, 16 and 32 at 64 x 64.
        await using var service = await StartAsync(Constant("output", [1, 84, 8]), labels: ModelFolder.ColorLabels);
        var problem = await ProblemAsync(service);
        Assert.StartsWith(
            "The outputs (output: Float [1, 84, 8]) can be read in 3 ways; vision.yaml must say which: ",
            problem,
            StringComparison.Ordinal);
        Assert.Contains("'family: yolov6' (", problem);
        Assert.Contains("'family: yolox' ([1, cells, 5 + classes] offsets in strides", problem);
        Assert.Contains("'family: yolox-decoded' (", problem);
    }

    [Theory]
    [InlineData("yolox", "yolox")]
    [InlineData("YOLOX-Decoded", "yolox-decoded")]
    [InlineData("yolov6", "yolov6")]
    public async Task The_manifest_decides_by_the_familys_name(string said, string family)
    {
        await using var service = await StartAsync(
            Constant("output", [1, 84, 8]), $"family: {said}", ModelFolder.ColorLabels);
        Assert.Contains($"family: {family} (vision.yaml)", await EvidenceAsync(service));
    }

    [Fact]
    public async Task Or_by_an_alias()
    {
        await using var service = await StartAsync(
            TinyDetectors.Colors(64, 64).Build(), "family: yolo11", ModelFolder.ColorLabels);
        Assert.Contains("family: yolov8 (vision.yaml)", await EvidenceAsync(service));
    }

    [Theory]
    [InlineData("yolo8", "(did you mean 'yolov8'?)")]
    [InlineData("nanodet+", "(did you mean 'nanodet'?)")]
    [InlineData("something", ". Families: ")]
    public async Task A_family_that_there_is_not_is_refused_with_the_nearest(string said, string hint)
    {
        await using var service = await StartAsync(
            TinyDetectors.Colors(64, 64).Build(), $"{{task: detect, family: {said}}}", ModelFolder.ColorLabels);
        var problem = await ProblemAsync(service);
        Assert.StartsWith($"vision.yaml: there is no family of detectors '{said}'", problem, StringComparison.Ordinal);
        Assert.Contains(hint, problem);
    }

    [Theory]
    [InlineData("detr")]
    [InlineData("yunet")]
    [InlineData("yolov4")]
    [InlineData("nanodet")]
    [InlineData("torchvision")]
    [InlineData("scrfd")]
    [InlineData("yolov2")]
    [InlineData("retinanet")]
    [InlineData("multibox")]
    [InlineData("pp-yoloe")]
    [InlineData("efficient-nms")]
    [InlineData("blazeface")]
    public async Task A_family_that_the_outputs_do_not_fit_is_refused(string family)
    {
        await using var service = await StartAsync(
            Constant("output", [1, 7, 84]), $"{{task: detect, family: {family}}}", ModelFolder.ColorLabels);
        Assert.StartsWith(
            $"The outputs (output [1, 7, 84]) are not those of family '{family}', which has ", await ProblemAsync(service), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_family_named_against_wrong_outputs_is_a_ready_model_or_a_problem_in_words()
    {
        var folder = new ModelFolder();
        foreach (var family in DetectorFamilies.All)
        {
            folder.Add(
                $"rank3-{family.Name}",
                Constant("output", [1, 7, 84]),
                $"{{task: detect, family: {family.Name}}}",
                ModelFolder.ColorLabels);
            folder.Add(
                $"rank2-{family.Name}",
                Constant("output", [1, 10]),
                $"{{task: detect, family: {family.Name}}}",
                ModelFolder.ColorLabels);
        }

        await using var service = await TestService.StartAsync(folder);
        foreach (var model in (await service.GetAsync("/models")).Json.GetProperty("models").EnumerateArray())
        {
            var name = model.GetProperty("name").GetString()!;
            if (model.GetProperty("state").GetString() == "ready")
            {
                var answer = await service.PostAsync($"/detect?model={name}", Image);
                Assert.True((int)answer.Status == 200, $"{name}: {answer.Text}");
                continue;
            }

            var problem = model.GetProperty("problem").GetString()!;
            Assert.True(
                problem.Contains(name[6..], StringComparison.Ordinal) || problem.Contains(
                    "label", StringComparison.Ordinal),
                $"{name}: {problem}");
        }
    }

    [Theory]
    [InlineData(ElementType.Int64)]
    [InlineData(ElementType.Float)]
    [InlineData(ElementType.Int32)]
    public async Task Orig_target_sizes_is_the_networks_own_size_as_width_and_height(ElementType type)
    {
        // The box is the whole of what the second input says: 96 x 64 of the network, the whole of any image.
        await using var service = await StartAsync(
            Listed("orig_target_sizes", type, 96, 64, hasHeightFirst: false),
            TinyDetectors.Unit,
            ModelFolder.ColorLabels);
        Assert.Equal("green 0,0,300,200", Found.In(await service.PostAsync("/detect", Scenes.Of(300, 200))));
        Assert.Contains("input 'orig_target_sizes': [96, 64] (the network's own size)", await EvidenceAsync(service));
    }

    [Theory]
    [InlineData("image_shape")]
    [InlineData("im_shape")]
    public async Task An_image_shape_is_the_networks_own_size_as_height_and_width(string name)
    {
        await using var service = await StartAsync(
            Listed(name, ElementType.Float, 96, 64, hasHeightFirst: true),
            "family: rt-detr-upstream",
            ModelFolder.ColorLabels);
        Assert.Equal("green 0,0,300,200", Found.In(await service.PostAsync("/detect", Scenes.Of(300, 200))));
        Assert.Contains($"input '{name}': [64, 96] (the network's own size)", await EvidenceAsync(service));
    }

    [Fact]
    public async Task A_bound_size_stays_the_size_of_a_network_that_takes_any()
    {
        // A letterbox of 128 x 128: of the image of 200 x 100 it shows 128 x 64, in the rows 32 to 96. Were the input only
        // that high, the box of the bound size would be twice as high as it.
        await using var service = await StartAsync(
            Listed("image_shape", ElementType.Float, "W", "H", hasHeightFirst: true),
            "{family: rt-detr-upstream, input: {preset: unit, size: 128, resize: letterbox, multiple_of: 32}}",
            ModelFolder.ColorLabels);
        Assert.Equal("green 0,0,200,100", Found.In(await service.PostAsync("/detect", Scenes.Of(200, 100))));
        Assert.Equal("green 0,0,200,100", Found.In(await service.PostAsync("/detect?tile=off", Scenes.Of(200, 100))));
        var half = await StartAsync(
            Listed("image_shape", ElementType.Float, "W", "H", hasHeightFirst: true, part: 0.5f),
            "{family: rt-detr-upstream, input: {preset: unit, size: 128, resize: letterbox, multiple_of: 32}}",
            ModelFolder.ColorLabels);
        await using (half)
        {
            // 64 x 64 of the input: 100 wide, and down to its row 64, which is the middle of the image.
            Assert.Equal("green 0,0,100,50", Found.In(await half.PostAsync("/detect", Scenes.Of(200, 100))));
        }
    }

    [Fact]
    public async Task A_scale_factor_is_one()
    {
        // Paddle: class, score, corners; the corners are 8 times the factor.
        var g = new GraphBuilder(opset: 13);
        g.Input("image", ElementType.Float, "N", 3, 64, 64);
        var factor = g.Input("scale_factor", ElementType.Float, 1, 2);
        var corners = g.Concat(1, g.Mul(factor, g.Constant([2f])), g.Mul(factor, g.Constant([8f])));
        g.Output(
            "multiclass_nms3_0.tmp_0", g.Concat(1, g.Constant([1f, 0.9f], 1, 2), corners), ElementType.Float, "n", 6);
        await using var service = await StartAsync(g.Build(), labels: ModelFolder.ColorLabels);
        Assert.Equal("green 2,2,8,8", Found.In(await service.PostAsync("/detect", Scenes.Of(64, 64))));
    }

    [Fact]
    public async Task An_unknown_second_input_is_refused_with_those_known()
    {
        await using var service = await StartAsync(
            Listed("sizes", ElementType.Float, 96, 64, hasHeightFirst: true), "family: rt-detr-upstream", ModelFolder.ColorLabels);
        Assert.Equal(
            "The input 'sizes: Float [1, 2]' beside the image is not known; known are orig_target_sizes, image_shape, im_shape and scale_factor.",
            await ProblemAsync(service));
    }

    [Fact]
    public async Task A_family_of_detectors_makes_a_detector_of_a_file_that_looks_like_none()
    {
        await using var service = await StartAsync(
            Constant("output", [1, 10, 6]), "family: effdet", ModelFolder.ColorLabels);
        Assert.Contains("task: detect (vision.yaml)", await EvidenceAsync(service));
    }

    [Fact]
    public async Task Coco80_can_be_named()
    {
        await using var service = await StartAsync(
            Constant("output0", [1, 84, 84]), "{family: yolov8, labels: coco80}");
        Assert.Equal(80, (await service.GetAsync("/models/model")).Json.GetProperty("labels").GetArrayLength());
    }

    [Fact]
    public async Task Eighty_classes_without_labels_are_taken_for_Cocos_and_that_is_said_to_be_assumed()
    {
        await using var service = await StartAsync(Constant("output0", [1, 84, 84]), "family: yolov8");
        Assert.Equal("person", (await service.GetAsync("/models/model")).Json.GetProperty("labels")[0].GetString());
        Assert.Contains("labels: COCO's 80 classes (assumed)", await EvidenceAsync(service));
    }

    [Theory]
    [InlineData(76)] // 4 + 76 = 80 rows
    [InlineData(81)] // 4 + 81 = 85
    [InlineData(20)]
    public async Task Any_other_number_of_classes_without_labels_stays_numbers(int classes)
    {
        await using var service = await StartAsync(Constant("output0", [1, 4 + classes, 84]), "family: yolov8");
        Assert.Contains("labels: numbers: there is no label file (assumed)", await EvidenceAsync(service));
    }

    [Fact]
    public async Task A_detector_without_labels_names_its_classes_by_number_and_takes_them_so()
    {
        await using var service = await StartAsync(TinyDetectors.Colors(64, 64).Build(), TinyDetectors.Unit);
        Assert.Equal("class 0 8,8,24,24; class 2 32,0,64,64", Found.In(await service.PostAsync("/detect", Image)));
        Assert.Equal("class 2 32,0,64,64", Found.In(await service.PostAsync("/detect?classes=2", Image)));
        Assert.Equal("class 0 8,8,24,24", Found.In(await service.PostAsync("/detect?classes=class 0", Image)));
    }

    [Fact]
    public async Task A_detector_of_faces_labels_them_so()
    {
        await using var service = await StartAsync(Faces("scores", "boxes", columns: 2));
        Assert.Equal("face 16,16,32,48", Found.In(await service.PostAsync("/detect", Image)));
        Assert.Contains("family: ultraface (names and shapes of the outputs)", await EvidenceAsync(service));
    }

    [Fact]
    public async Task An_ssd_of_several_classes_is_no_detector_of_faces()
    {
        await using var service = await StartAsync(Faces("scores", "boxes", columns: 4), "family: pytorch-ssd");
        Assert.Equal("class 0 16,16,32,48", Found.In(await service.PostAsync("/detect", Image)));
    }

    [Fact]
    public async Task A_label_offset_says_which_number_the_first_label_has()
    {
        foreach (var (offset, label) in new[] { (0, "green"), (1, "red") })
        {
            await using var service = await StartAsync(
                Torchvision(), $"{{input: {{preset: unit}}, output: {{label_offset: {offset}}}}}", ModelFolder.ColorLabels);
            Assert.Equal($"{label} 8,16,32,48", Found.In(await service.PostAsync("/detect", Image)));
        }
    }

    [Fact]
    public async Task A_threshold_for_a_label_that_there_is_not_is_refused_when_loading()
    {
        foreach (var (label, problem) in new[]
        {
            ("gren", "The model has no class 'gren' (did you mean 'green'?); it has 3, ids 0 to 2."),
            ("'red,blue'", "'red,blue' is more than one class."),
        })
        {
            await using var service = await StartAsync(
                TinyDetectors.Colors(64, 64).Build(), $"output: {{per_class_conf: {{{label}: 0.5}}}}", ModelFolder.ColorLabels);
            Assert.Equal($"vision.yaml: 'per_class_conf': {problem}", await ProblemAsync(service));
        }
    }

    [Fact]
    public async Task Sides_that_the_file_fixes_are_no_multiples_of_anything()
    {
        await using var service = await StartAsync(
            TinyDetectors.Colors(64, 64).Build(), "input: {preset: unit, multiple_of: 32}", ModelFolder.ColorLabels);
        Assert.Equal(
            "vision.yaml: 'multiple_of' is for a file that leaves the size of its input open; this one fixes [64, 64] (width, height).",
            await ProblemAsync(service));
    }

    [Fact]
    public async Task A_size_in_the_manifest_wins_over_what_the_family_is_used_to()
    {
        // DETR's shorter side is 800 where nobody says anything else.
        var g = new GraphBuilder(opset: 13);
        g.Input("pixel_values", ElementType.Float, "N", 3, "H", "W");
        g.Output("logits", g.Node("Identity", [g.Constant([9f, 0, 0, 0], 1, 1, 4)]), ElementType.Float, 1, 1, 4)
            .Output(
                "pred_boxes",
                g.Node("Identity", [g.Constant([0.5f, 0.5f, 1, 1], 1, 1, 4)]),
                ElementType.Float,
                1,
                1,
                4);
        await using var service = await StartAsync(g.Build(), "input: {size: [96, 64]}", ModelFolder.ColorLabels);
        Assert.Equal("red 0,0,300,200", Found.In(await service.PostAsync("/detect", Scenes.Of(300, 200))));
        var geometry = service.Models.Find("model").Loaded!.Geometry.Fitted(300, 200);
        Assert.Equal((96, 64), (geometry.Width, geometry.Height));
    }

    [Fact]
    public void Every_family_with_an_input_of_its_own_is_a_family()
    {
        var families = DetectorFamilies.All.Select(static family => family.Name).ToArray();
        Assert.Empty(DetectorInputs.Families.Except(families));
        Assert.All(families, static family => Assert.NotNull(DetectorInputs.Of(family).Size));
        Assert.All(families, static family => Assert.Equal("the family", DetectorInputs.Of(family).Source));
    }

    [Theory] // where Ultralytics' letterbox would be wrong: see each project's own code
    [InlineData("yolox", "bgr bytes", "Letterbox", 114)]
    [InlineData("rt-detr-upstream", "unit", "Stretch", 0)]
    [InlineData("yunet", "bgr bytes", "Letterbox", 0)]
    [InlineData("nanodet-plus", "mmdetection", "Letterbox", 0)]
    [InlineData("yolov8", "unit", "Letterbox", 114)]
    [InlineData("detr", "torchvision", "Letterbox", 0)]
    [InlineData("yolov4", "unit", "Letterbox", 128)]
    public void A_family_brings_its_preprocessing(string family, string preset, string resize, int pad)
    {
        var defaults = DetectorInputs.Of(family);
        Assert.Equal((preset, resize, pad), (defaults.Preset.Name, defaults.Resize.ToString(), defaults.Pad));
    }

    private static Graph Ultralytics(string names) => TinyDetectors.Colors(64, 64)
        .Metadata("author", "Ultralytics")
        .Metadata("task", "detect")
        .Metadata("stride", "32")
        .Metadata("names", names)
        .Build();

    /// <summary>An input of 64 x 64 and one output of zeros.</summary>
    private static Graph Constant(string name, long[] shape)
    {
        var g = new GraphBuilder(opset: 13);
        g.Input("images", ElementType.Float, 1, 3, 64, 64);
        var zeros = g.Constant(new float[shape.Aggregate(1L, static (a, b) => a * b)], shape);
        return g.Output(
            name,
            g.Node("Identity", [zeros]),
            ElementType.Float,
            [.. shape.Select(static side => (Dimension)side)]).Build();
    }

    /// <summary>
    /// Labels, boxes and scores of one object of class 1, from the corner to what the second input says.
    /// </summary>
    private static Graph Listed(
        string second, ElementType type, Dimension width, Dimension height, bool hasHeightFirst, float part = 1)
    {
        var g = new GraphBuilder(opset: 13);
        g.Input("images", ElementType.Float, "N", 3, height, width);
        var size = g.Node("Cast", [g.Input(second, type, 1, 2)], ("to", 1));
        var end = g.Mul(size, g.Constant([part]));
        if (hasHeightFirst)
        {
            end = g.Node("Gather", [end, g.Constant([1L, 0L])], ("axis", 1));
        }

        var box = g.Reshape(g.Concat(1, g.Constant([0f, 0f], 1, 2), end), 1, 1, 4);
        return g.Output("labels", g.Node("Identity", [g.Constant([1L], 1, 1)]), ElementType.Int64, 1, 1)
            .Output("boxes", box, ElementType.Float, 1, 1, 4)
            .Output("scores", g.Node("Identity", [g.Constant([0.9f], 1, 1)]), ElementType.Float, 1, 1)
            .Build();
    }

    /// <summary>One row of corners in 0-1 and probabilities with the background first.</summary>
    private static Graph Faces(string scores, string boxes, int columns)
    {
        var g = new GraphBuilder(opset: 13);
        g.Input("images", ElementType.Float, 1, 3, 64, 64);
        var probabilities = new float[columns];
        (probabilities[0], probabilities[1]) = (0.1f, 0.9f);
        return g.Output(
            scores, g.Node("Identity", [g.Constant(probabilities, 1, 1, columns)]), ElementType.Float, 1, 1, columns)
            .Output(
                boxes,
                g.Node("Identity", [g.Constant([0.25f, 0.25f, 0.5f, 0.75f], 1, 1, 4)]),
                ElementType.Float,
                1,
                1,
                4)
            .Build();
    }

    private static Graph Torchvision()
    {
        var g = new GraphBuilder(opset: 13);
        g.Input("images", ElementType.Float, 1, 3, 64, 64);
        return g.Output("boxes", g.Node("Identity", [g.Constant([8f, 16, 32, 48], 1, 4)]), ElementType.Float, "n", 4)
            .Output("labels", g.Node("Identity", [g.Constant([1L], 1)]), ElementType.Int64, "n")
            .Output("scores", g.Node("Identity", [g.Constant([0.9f], 1)]), ElementType.Float, "n")
            .Build();
    }

    private static Task<TestService> StartAsync(Graph graph, string? manifest = null, string? labels = null) =>
        TestService.StartAsync(new ModelFolder().Add("model", graph, manifest, labels));

    private static async Task<string> ProblemAsync(TestService service)
    {
        var details = (await service.GetAsync("/models/model")).Json;
        Assert.True(details.TryGetProperty("problem", out var problem), $"The model was loaded: {details}");
        return problem.GetString()!;
    }

    private static async Task<string[]> EvidenceAsync(TestService service)
    {
        var details = (await service.GetAsync("/models/model")).Json;
        Assert.True(details.TryGetProperty("evidence", out var evidence), details.ToString());
        static string? Text(JsonElement line, string name) => line.GetProperty(name).GetString();
        return
        [
            .. evidence.EnumerateArray().Select(
                static line => $"{Text(line, "subject")}: {Text(line, "conclusion")} ({Text(line, "source")})"),
        ];
    }
}
