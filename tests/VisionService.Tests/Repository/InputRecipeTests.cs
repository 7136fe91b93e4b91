using OnnxGraph;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace VisionService.Tests.Repository;

/// <summary>What the network sees, read back from models that answer with their input.</summary>
public class InputRecipeTests
{
    // Four pixels, one pure colour each and one mixed.
    private static readonly Rgb24[] Pixels = [new(255, 0, 0), new(0, 255, 0), new(0, 0, 255), new(51, 102, 204)];

    [Fact]
    public async Task Each_preset_is_its_formula()
    {
        (string Preset, Func<Rgb24, double[]> Formula)[] presets =
        [
            ("raw", p => [p.R, p.G, p.B]),
            ("unit", p => [p.R / 255.0, p.G / 255.0, p.B / 255.0]),
            ("torchvision", p => [((p.R / 255.0) - 0.485) / 0.229, ((p.G / 255.0) - 0.456) / 0.224, ((p.B / 255.0) - 0.406) / 0.225]),
            ("keras-torch", p => [((p.R / 255.0) - 0.485) / 0.229, ((p.G / 255.0) - 0.456) / 0.224, ((p.B / 255.0) - 0.406) / 0.225]),
            ("keras-tf", p => [(p.R / 127.5) - 1, (p.G / 127.5) - 1, (p.B / 127.5) - 1]),
            ("keras-caffe", p => [p.B - 103.939, p.G - 116.779, p.R - 123.68]),
        ];
        Assert.Equal(VisionService.Repository.InputPreset.All.Select(preset => preset.Name).Order(), presets.Select(preset => preset.Preset).Order());

        var folder = new ModelFolder();
        foreach (var (preset, _) in presets)
        {
            folder.Add(preset, TinyModels.Mirror(), $"{{input: {{preset: {preset}, resize: stretch}}, output: {{activation: none}}}}");
        }

        await using var service = await TestService.StartAsync(folder);
        foreach (var (preset, formula) in presets)
        {
            AssertSees(Planar(Pixels, formula), await SeenAsync(service, preset));
        }
    }

    [Theory]
    [InlineData("{scale: 1/51, mean: [1, 2, 3], std: [1, 2, 4]}", 0)]
    [InlineData("{scale: 1/51, mean: [1, 2, 3], std: [1, 2, 4], color: bgr}", 1)]
    [InlineData("{scale: 1/255, invert: true}", 2)]
    [InlineData("{preset: keras-tf, mean: 0}", 3)]
    public async Task Scale_mean_deviation_order_and_inversion_can_be_said_one_by_one(string input, int formula)
    {
        Func<Rgb24, double[]>[] formulas =
        [
            p => [(p.R / 51.0) - 1, ((p.G / 51.0) - 2) / 2, ((p.B / 51.0) - 3) / 4],
            p => [(p.B / 51.0) - 1, ((p.G / 51.0) - 2) / 2, ((p.R / 51.0) - 3) / 4],
            p => [1 - (p.R / 255.0), 1 - (p.G / 255.0), 1 - (p.B / 255.0)],
            p => [p.R / 127.5, p.G / 127.5, p.B / 127.5],
        ];
        await using var service = await TestService.StartAsync(new ModelFolder().Add(
            "mirror", TinyModels.Mirror(), $"{{input: {input[..^1]}, resize: stretch}}, output: {{activation: none}}}}"));
        AssertSees(Planar(Pixels, formulas[formula]), await SeenAsync(service, "mirror"));
    }

    [Fact]
    public async Task A_grey_model_sees_luma()
    {
        await using var service = await TestService.StartAsync(new ModelFolder().Add(
            "grey", TinyModels.Mirror(channels: 1), "{input: {preset: raw}, output: {activation: none}}"));

        // ITU-R 601, rounded: .299 R + .587 G + .114 B.
        AssertSees([76, 150, 29, 98], await SeenAsync(service, "grey"), tolerance: 1);
    }

    [Fact]
    public async Task A_grey_model_is_served()
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("grey", TinyModels.Mirror(channels: 1), "input: {preset: unit}"));
        Assert.Equal("grey ready", await ModelCatalogTests.StatesAsync(service));
    }

    [Fact]
    public async Task Channels_last_bytes_float16_fixed_batches_and_no_batch_axis_are_understood()
    {
        var noBatch = new GraphBuilder(opset: 13);
        var x = noBatch.Input("pixels", ElementType.Float, 3, 4, 4);
        noBatch.Output("scores", TinyModels.Means(noBatch, noBatch.Reshape(x, 1, 3, 4, 4), MathF.Log(8)));
        var folder = new ModelFolder()
            .Add("channels-last", TinyModels.ColorsInterleaved(), "input: {preset: unit}", ModelFolder.ColorLabels)
            .Add("fixed-batch", TinyModels.Colors(batch: 4), "{input: {preset: unit}, batching: {max: 8}}", ModelFolder.ColorLabels)
            .Add("float16", TinyModels.Colors(type: ElementType.Float16), "input: {preset: unit}", ModelFolder.ColorLabels)
            .Add("no-batch", noBatch.Build(), "input: {preset: unit}", ModelFolder.ColorLabels)
            .Add("one-row", TinyModels.OneRowForAll(), "{input: {preset: unit}, batching: {max: 8}}", ModelFolder.ColorLabels)
            .Add("softmax-inside", TinyModels.Colors(softmax: true), "input: {preset: unit}", ModelFolder.ColorLabels);
        await using var service = await TestService.StartAsync(folder);
        foreach (var model in new[] { "channels-last", "fixed-batch", "float16", "no-batch", "softmax-inside" })
        {
            Assert.Equal("green .8, red .1, blue .1", (await service.PostAsync($"/classify?model={model}", Photos.Green)).Predictions);
        }

        Assert.StartsWith("green ", (await service.PostAsync("/classify?model=one-row&top_k=1", Photos.Green)).Predictions, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_takes_bytes_sees_them_as_they_are()
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("bytes", TinyModels.Colors(type: ElementType.UInt8), null, ModelFolder.ColorLabels));

        // Means are 0-255 here: the logits of red are (255 ln 8, 0, 0).
        Assert.Equal("red 1, green .0, blue .0", (await service.PostAsync("/classify", Photos.Red)).Predictions.Replace("1.0", "1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_background_class_is_left_out_where_labels_leave_it_out()
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("colors", TinyModels.Colors(), "input: {preset: unit}", "green\nblue"));
        Assert.Equal("green .1, blue .1", (await service.PostAsync("/classify", Photos.Red)).Predictions);
    }

    [Fact]
    public async Task The_models_own_threshold_holds_until_the_caller_says_another()
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("colors", TinyModels.Colors(), "{input: {preset: unit}, output: {conf: 0.5}}", ModelFolder.ColorLabels));
        Assert.Equal("red .8", (await service.PostAsync("/classify", Photos.Red)).Predictions);
        Assert.Equal("red .8, green .1, blue .1", (await service.PostAsync("/classify?score_threshold=0", Photos.Red)).Predictions);
    }

    private static async Task<double[]> SeenAsync(TestService service, string model)
    {
        using var image = Image.LoadPixelData(Pixels, 2, 2);
        var answer = await service.PostAsync($"/classify?model={model}&top_k=100", Photos.Encode(image));
        return [.. answer.MustBe(System.Net.HttpStatusCode.OK).Json.GetProperty("predictions").EnumerateArray()
            .OrderBy(prediction => prediction.GetProperty("class_id").GetInt32())
            .Select(prediction => prediction.GetProperty("score").GetDouble() - 1000)];
    }

    private static double[] Planar(Rgb24[] pixels, Func<Rgb24, double[]> formula) =>
        [.. Enumerable.Range(0, 3).SelectMany(channel => pixels.Select(pixel => formula(pixel)[channel]))];

    // Scores are floats near 1000: half a step of 2^-14 each.
    private static void AssertSees(double[] expected, double[] seen, double tolerance = 2e-4)
    {
        Assert.Equal(expected.Length, seen.Length);
        Assert.All(expected.Zip(seen), pair => Assert.InRange(pair.Second, pair.First - tolerance, pair.First + tolerance));
    }
}
