using System.Globalization;
using System.Net;
using OnnxGraph;
using VisionService.Imaging;
using VisionService.Repository;
using VisionService.Repository.Recognition;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Repository.Recognition;

/// <summary>What is found out about a file from what it makes of drawn pictures.</summary>
public class RecognitionTests
{
    private const string Found = "a probe run: only so it knows what drawn pictures show";

    public static TheoryData<string, string, string> BareFiles => new()
    {
        // As shared/data/README.md has them.
        { "mobilenetv2-int8-static-d", "classify", "input: {preset: torchvision}" },
        { "squeezenet1.0-fp16-winml", "classify", "input: {preset: keras-caffe}" },
        { "mnist-8", "classify", "input: {preset: raw, invert: true}" },
        { "yolox-nano-kazuhito", "detect", "input: {preset: raw, color: bgr}" },
    };

    [Theory]
    [MemberData(nameof(BareFiles))]
    public async Task A_real_file_alone_tells_its_normalisation_by_what_it_recognises(string file, string task, string normalisation)
    {
        await using var service = await TestService.StartAsync([SharedFiles.Path($"models/{file}.onnx")], null);
        var model = (await service.GetAsync($"/models/{file}")).Json;
        Assert.Equal((task, $"{normalisation} ({Found})"), (model.GetProperty("task").GetString(), EvidenceOf(model)["input normalisation"]));
    }

    [Theory]
    [InlineData("deeplabv3-mobilenetv2-voc")]
    [InlineData("road-segmentation-adas-0001")]
    [InlineData("selfie-segmentation-landscape")]
    [InlineData("resnet20-onnc")]
    public async Task A_real_file_that_does_not_tell_is_refused_with_the_lines_that_would(string file)
    {
        await using var service = await TestService.StartAsync([SharedFiles.Path($"models/{file}.onnx")], null);
        var problem = (await service.GetAsync($"/models/{file}")).Json.GetProperty("problem").GetString()!;
        Assert.StartsWith("Nothing tells how the pixels of input '", problem, StringComparison.Ordinal);
        Assert.Contains("vision.yaml must say which: 'input: {preset: torchvision}' or 'input: {preset: unit}' or ", problem);
    }

    [Theory]
    [InlineData("osnet-x0.25-msmt17", "the graph: it ends in a vector that is no scores")]
    [InlineData("style-mosaic-winml", "a probe run: it answers a picture with a picture")]
    [InlineData("superres-subpixel-cnn-zoo", "a probe run: it answers a picture with a picture")]
    public async Task Real_files_of_no_task_here_answer_tensors(string file, string source)
    {
        await using var service = await TestService.StartAsync([SharedFiles.Path($"models/{file}.onnx")], null);
        var model = (await service.GetAsync($"/models/{file}")).Json;
        Assert.Equal($"tensors ({source})", EvidenceOf(model)["task"]);
        (await service.GetAsync($"/v2/models/{file}/ready")).MustBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_same_graph_with_legacy_weights_is_told_apart()
    {
        // The real detector behind the inverse of ImageNet's normalisation: what legacy weights want, in the same interface.
        var graph = Graph.Load(SharedFiles.Path("models/yolox-nano-kazuhito.onnx"));
        graph.ReplaceUses("images", "bytes_bgr");
        string Constant(params float[] perChannel) => graph.AddInitializer("legacy", Tensor.Of(perChannel, 1, 3, 1, 1));
        var nodes = new[]
        {
            new Node("Mul", ["images", Constant(0.229f * 255, 0.224f * 255, 0.225f * 255)], ["scaled"]),
            new Node("Add", ["scaled", Constant(0.485f * 255, 0.456f * 255, 0.406f * 255)], ["bytes_rgb"]),
            new Node("Gather", ["bytes_rgb", graph.AddInitializer("swap", Tensor.Of([2L, 1, 0], 3))], ["bytes_bgr"], ("axis", 1)),
        };
        foreach (var node in nodes.Reverse())
        {
            graph.Prepend(node);
        }

        await using var service = await TestService.StartAsync(new ModelFolder().Add("legacy", graph));
        var evidence = EvidenceOf((await service.GetAsync("/models/legacy")).Json);
        Assert.Equal($"input: {{preset: torchvision}} ({Found})", evidence["input normalisation"]);
        var answer = (await service.PostAsync("/detect", SharedFiles.Bytes("images/bus.jpg"))).MustBe(HttpStatusCode.OK);
        Assert.Equal("bus", answer.Json.GetProperty("predictions")[0].GetProperty("label").GetString());
    }

    [Theory]
    [InlineData("torchvision", false)]
    [InlineData("torchvision", true)]
    [InlineData("unit", false)]
    [InlineData("keras-tf", true)]
    [InlineData("keras-caffe", false)]
    [InlineData("raw", false)]
    public async Task A_classifier_that_knows_the_things_under_one_reading_is_read_so(string preset, bool channelsLast)
    {
        var reading = InputPreset.Find(preset);
        await using var service = await TestService.StartAsync(new ModelFolder().Add("templates", Templates(reading, channelsLast)));
        var evidence = EvidenceOf((await service.GetAsync("/models/templates")).Json);
        Assert.Equal($"{reading.Manifest} ({Found})", evidence.GetValueOrDefault("input normalisation"));
    }

    [Fact]
    public async Task A_color_in_the_manifest_leaves_the_scale_to_be_found()
    {
        var reading = InputPreset.Raw with { Color = InputColor.Bgr };
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("templates", Templates(reading, channelsLast: false), "input: {color: bgr}"));
        var evidence = EvidenceOf((await service.GetAsync("/models/templates")).Json);
        Assert.Equal($"input: {{preset: raw, color: bgr}} ({Found})", evidence["input normalisation"]);
    }

    [Fact]
    public async Task Classes_that_are_not_those_of_the_pictures_are_not_read_off_them()
    {
        var labels = string.Join('\n', Enumerable.Range(0, 1000).Select(static id => $"part {id}"));
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("templates", Templates(InputPreset.Unit, channelsLast: false), labels: labels));
        var model = (await service.GetAsync("/models/templates")).Json;
        Assert.StartsWith("Nothing tells how the pixels", model.GetProperty("problem").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("yolox", 0.7f, 0.9f)]
    [InlineData("yolox-decoded", 120f, 0.9f)]
    [InlineData("yolov6", 120f, 1f)]
    public async Task Rows_of_one_shape_are_told_apart_by_their_values(string family, float farthest, float objectness)
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("rows", Rows(farthest, objectness, 0, 0), "input: {preset: unit}"));
        Assert.Equal(
            $"{family} (the values of a probe run)", EvidenceOf((await service.GetAsync("/models/rows")).Json)["family"]);
    }

    [Theory]
    [InlineData(0, 0.01f, "input: {preset: raw, color: bgr}")]
    [InlineData(1, -0.1f, "input: {preset: torchvision}")]
    public async Task The_stop_sign_tells_the_two_kinds_of_Yolox_apart(float least, float slope, string normalisation)
    {
        await using var service = await TestService.StartAsync(new ModelFolder().Add("rows", Rows(0.7f, 0.9f, least, slope)));
        Assert.Equal(
            $"{normalisation} ({Found})", EvidenceOf((await service.GetAsync("/models/rows")).Json)["input normalisation"]);
    }

    [Fact]
    public async Task A_Yolox_that_sees_the_sign_under_both_readings_must_be_told()
    {
        await using var service = await TestService.StartAsync(new ModelFolder().Add("rows", Rows(0.7f, 0.9f, 1, 0)));
        var problem = (await service.GetAsync("/models/rows")).Json.GetProperty("problem").GetString()!;
        Assert.Contains("'input: {preset: raw, color: bgr}' or 'input: {preset: torchvision}'", problem);
    }

    [Theory]
    [InlineData("LpNormalization", "tensors")]
    [InlineData("Relu", "tensors")]
    [InlineData("Softmax", "classify")]
    public async Task A_vector_that_is_normalised_or_cut_off_is_no_scores(string last, string task)
    {
        var g = new GraphBuilder(opset: 13);
        var means = TinyModels.Means(g, g.Input("pixels", ElementType.Float, "N", 3, 4, 4), 1);
        g.Output("vector", last == "Relu" ? g.Relu(means) : g.Node(last, [means], ("axis", 1)), ElementType.Float, "N", 3);
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("vector", g.Build(), "input: {preset: unit}"));
        Assert.Equal(task, (await service.GetAsync("/models/vector")).Json.GetProperty("task").GetString());
    }

    [Fact]
    public async Task A_softmax_that_is_written_out_is_not_done_twice()
    {
        var g = new GraphBuilder(opset: 13);
        var means = TinyModels.Means(g, g.Input("pixels", ElementType.Float, "N", 3, 4, 4), MathF.Log(8));
        var exp = g.Node("Exp", [means]);
        g.Output("scores", g.Node("Div", [exp, g.Node("ReduceSum", [exp, g.Constant([1L], 1)])]));
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("written", g.Build(), "input: {preset: unit}", ModelFolder.ColorLabels));
        Assert.Equal("red .8, green .1, blue .1", (await service.PostAsync("/classify", Photos.Red)).Predictions);
        Assert.Equal(
            "None (a probe run: the scores sum to 1)", EvidenceOf((await service.GetAsync("/models/written")).Json)["activation"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_graph_that_throws_dice_is_served_with_a_warning(bool isRandom)
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, "N", 3, 4, 4);
        var noise = isRandom ? g.Node("RandomUniformLike", [x]) : g.Mul(x, g.Constant([0f]));
        g.Output("scores", TinyModels.Means(g, g.Add(x, noise), 1));
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("dice", g.Build(), "input: {preset: unit}", ModelFolder.ColorLabels));
        Assert.Equal(
            isRandom ? "two runs of one image give different answers: the graph draws random numbers (a probe run)" : null,
            EvidenceOf((await service.GetAsync("/models/dice")).Json).GetValueOrDefault("warning"));
    }

    [Fact]
    public void Every_drawn_picture_has_colors_and_differs_from_the_others()
    {
        var seen = new HashSet<string>();
        foreach (var picture in ProbePicture.Things.Concat(ProbePicture.Digits))
        {
            using var image = picture.Draw();
            using var again = picture.Draw();
            Assert.Equal(image.Pixels.ToArray(), again.Pixels.ToArray());
            Assert.True(image.Pixels.ToArray().Distinct().Count() > 20);
            Assert.True(seen.Add(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(image.Pixels))));
        }
    }

    /// <summary>A thousand classes of which the pictures' are told by the distance to the picture itself, under one reading of
    /// the input: the classifier that knows nothing else. What is far from all pictures is of class 0.</summary>
    private static Graph Templates(InputPreset reading, bool channelsLast)
    {
        const int Side = 16;
        const int Length = 3 * Side * Side;
        var (weights, bias) = (new float[1000 * Length], Enumerable.Repeat(-1e9f, 1000).ToArray());
        var geometry = new InputGeometry(Side, Side, ResizeMode.ShortestCrop) { ResizeShortest = 18 };
        foreach (var picture in ProbePicture.Things)
        {
            using var image = picture.Draw();
            var planes = new byte[Length];
            Planes.Write(image, geometry.Place(image.SourceWidth, image.SourceHeight), planes);
            var row = weights.AsSpan(picture.ClassIds[0] * Length, Length);
            for (var i = 0; i < Length; i++)
            {
                var channel = i / (Side * Side);
                var pixel = planes[reading.Color == InputColor.Bgr ? ((2 - channel) * Side * Side) + (i % (Side * Side)) : i];
                var mean = reading.Mean.Count == 0 ? 0 : reading.Mean[Math.Min(channel, reading.Mean.Count - 1)];
                var std = reading.Std.Count == 0 ? 1 : reading.Std[Math.Min(channel, reading.Std.Count - 1)];
                row[i] = (float)(((pixel * reading.Scale) - mean) / std);
            }

            bias[picture.ClassIds[0]] = -row.ToArray().Sum(static value => value * value);
        }

        // Of -|x - t|^2 the class needs 2 x t - t^2 alone; class 0 gets what makes it the winner beyond a distance.
        var far = -0.01f * bias.Where(static value => value > -1e9f).Min();
        bias[0] = -far;
        var toFar = new float[1000];
        toFar[0] = 1;
        var g = new GraphBuilder(opset: 13);
        var x = channelsLast
            ? g.Transpose(g.Input("pixels", ElementType.Float, 1, Side, Side, 3), 0, 3, 1, 2)
            : g.Input("pixels", ElementType.Float, 1, 3, Side, Side);
        var flat = g.Flatten(x);
        var near = g.Gemm(g.Mul(flat, g.Constant([2f])), g.Constant(weights, 1000, Length), g.Constant(bias, 1000));
        var length = g.Node("ReduceSum", [g.Mul(flat, flat), g.Constant([1L], 1)], ("keepdims", 1));
        var logits = g.Add(near, g.Mul(length, g.Constant(toFar, 1, 1000)));
        return g.Output("scores", g.Mul(logits, g.Constant([30 / far])), ElementType.Float, 1, 1000).Build();
    }

    /// <summary>Rows as YOLOX's, whose score for a stop sign depends on the mean magnitude of what comes in: bytes are a hundred times
    /// what normalised pixels are.</summary>
    private static Graph Rows(float farthest, float objectness, float least, float slope)
    {
        const int Count = 336; // the cells of strides 8, 16 and 32
        const int Width = 85;
        var (fixedPart, score) = (new float[Count * Width], new float[Count * Width]);
        for (var row = 0; row < Count; row++)
        {
            (fixedPart[row * Width], fixedPart[(row * Width) + 1]) = (farthest * row / (Count - 1), farthest * row / (Count - 1));
            (fixedPart[(row * Width) + 2], fixedPart[(row * Width) + 3]) = (0.1f, 0.1f);
            fixedPart[(row * Width) + 4] = objectness;
            score[(row * Width) + 5 + 11] = 1;
        }

        var g = new GraphBuilder(opset: 13);
        var x = g.Input("images", ElementType.Float, 1, 3, 128, 128);
        var mean = g.Node("ReduceMean", [g.Node("Abs", [x])], ("keepdims", 0));
        var clipped = g.Node("Clip", [g.Add(g.Mul(mean, g.Constant([slope], 1)), g.Constant([least], 1)), g.Constant(Tensor.Of([0f])), g.Constant(Tensor.Of([1f]))]);
        var rows = g.Add(g.Constant(fixedPart, 1, Count, Width), g.Mul(g.Constant(score, 1, Count, Width), clipped));
        return g.Output("output", rows, ElementType.Float, 1, Count, Width).Build();
    }

    private static Dictionary<string, string> EvidenceOf(System.Text.Json.JsonElement model) =>
        model.TryGetProperty("evidence", out var evidence)
            ? evidence.EnumerateArray().ToDictionary(
                static entry => entry.GetProperty("subject").GetString()!,
                static entry => string.Create(CultureInfo.InvariantCulture, $"{entry.GetProperty("conclusion")} ({entry.GetProperty("source")})"))
            : throw new InvalidOperationException($"No evidence: {model}");
}
