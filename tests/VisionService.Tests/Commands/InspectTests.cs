using Microsoft.Extensions.DependencyInjection;
using VisionService.Commands;
using VisionService.Repository;
using VisionService.Tests.Detection;

namespace VisionService.Tests.Commands;

public class InspectTests
{
    [Fact]
    public async Task Says_what_a_model_is_taken_for_and_why_and_what_that_amounts_to()
    {
        using var models = ModelFolder.WithColors();
        var (exitCode, output) = await InspectAsync(models.File("colors"));
        Assert.Equal(0, exitCode);
        Assert.StartsWith("colors: classify, family classifier\n", output, StringComparison.Ordinal);
        Assert.Matches(@"\n  input normalisation +unit \(vision\.yaml\)\n", output);
        Assert.Contains("\nInputs\n  pixels FP32 [?, 3, 4, 4]\n", output);
        Assert.Contains("\nOutputs\n  scores FP32 [?]\n", output);
        Assert.Contains("\nManifest (vision.yaml)\n  task: classify\n  input:\n    size: [4, 4]\n", output);
        Assert.Matches(@"\n  a run of one image takes \d+\.\d ms, \d+ at a time\n", output);
        Assert.Matches("\n  (explains with gradients, at |does not explain with gradients: )", output);
        Assert.Contains("\nWarnings\n", output);
    }

    [Fact]
    public async Task A_model_that_would_not_serve_is_told_with_its_reason_and_the_exit_code()
    {
        using var models = ModelFolder.WithColors().Add("bare", TinyModels.Colors());
        var (exitCode, output) = await InspectAsync(models.Path);
        Assert.Equal(1, exitCode);
        Assert.StartsWith("bare: would not serve. Nothing tells how the pixels of input 'pixels' are normalised", output, StringComparison.Ordinal);
        Assert.Contains("\ncolors: classify, ", output);
    }

    [Fact]
    public async Task An_empty_folder_is_no_success()
    {
        using var models = new ModelFolder();
        Assert.Equal((1, "There is no model.\n"), await InspectAsync(models.Path));
    }

    [Theory]
    [InlineData("classifier", "input: {preset: torchvision, interpolation: cubic}")]
    [InlineData("bgr", "input: {preset: keras-caffe, resize: stretch}")]
    [InlineData("letterbox", "input: {scale: 1/127.5, mean: [1], resize: letterbox, pad: 7, align: topleft}")]
    [InlineData("detector", "input: {preset: unit}")]
    public async Task The_manifest_that_it_prints_says_what_was_concluded(string name, string manifest)
    {
        var graph = name == "detector" ? TinyDetectors.Colors(64, 64).Build() : TinyModels.Colors();
        using var models = new ModelFolder().Add(name, graph, manifest, ModelFolder.ColorLabels);
        var (before, text) = await RecipeAsync(models);
        models.Write($"{name}/vision.yaml", text);
        var (after, again) = await RecipeAsync(models);
        Assert.Equal(text, again);
        Assert.Equal(before.Geometry, after.Geometry);
        Assert.Equal(before.Normalization.Order, after.Normalization.Order);
        Assert.Equal(before.Normalization.Scale, after.Normalization.Scale, 1e-6f);
        Assert.Equal(before.Normalization.Mean, after.Normalization.Mean);
        Assert.Equal(before.Normalization.Std, after.Normalization.Std);
    }

    private static async Task<(InputRecipe Recipe, string Manifest)> RecipeAsync(ModelFolder models)
    {
        await using var service = await TestService.StartAsync([models.Path], null);
        var loaded = Assert.Single(service.Models.Entries).Loaded!;
        return (loaded.Recipe!, ManifestText.Of(loaded));
    }

    private static async Task<(int ExitCode, string Output)> InspectAsync(string path)
    {
        var commandLine = CommandLine.Parse(
            [CommandLine.Inspect, path, "--provider", "cpu", "--Repository:TrialLoads", "false", "--Logging:LogLevel:Default", "None"]);
        Assert.Null(commandLine.Problem);
        await using var app = Program.Build(commandLine);
        using var output = new StringWriter();
        var exitCode = await ActivatorUtilities.CreateInstance<Inspect>(app.Services)
            .RunAsync(output, TextWriter.Null, TestContext.Current.CancellationToken);
        return (exitCode, output.ToString().ReplaceLineEndings("\n"));
    }
}
