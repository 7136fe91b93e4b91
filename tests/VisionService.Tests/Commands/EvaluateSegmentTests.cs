using System.Globalization;
using System.Text.RegularExpressions;
using VisionService.Imaging;
using VisionService.Tests.Imaging;
using static VisionService.Tests.Detection.Scenes;

namespace VisionService.Tests.Commands;

/// <summary><c>evaluate segment</c> as its users run it; the model names each pixel's brightest channel.</summary>
public sealed class EvaluateSegmentTests : IDisposable
{
    private const string Manifest = "task: segment\ninput: {preset: unit, resize: stretch}";

    private readonly ModelFolder _models = new ModelFolder()
        .Add("brightest", TinyMasks.Brightest(), Manifest, ModelFolder.ColorLabels)
        .Add("boxes", TinyMasks.Fixed(), TinyMasks.Manifest, ModelFolder.ColorLabels)
        .Add("colors", TinyModels.Colors(), "input: {preset: unit}", ModelFolder.ColorLabels);

    private readonly DirectoryInfo _set = Directory.CreateTempSubdirectory("vision-set-");
    private readonly string _images;
    private readonly string _labels;

    public EvaluateSegmentTests()
    {
        (_images, _labels) = (_set.CreateSubdirectory("images").FullName, _set.CreateSubdirectory("labels").FullName);
        // Columns 0 and 1 are red, 2 and 3 green.
        File.WriteAllBytes(Path.Combine(_images, "a.png"), Of(4, 4, (Red, 0, 0, 2, 4), (Green, 2, 0, 4, 4)));
    }

    public void Dispose()
    {
        _set.Delete(recursive: true);
        _models.Dispose();
    }

    [Fact]
    public async Task A_perfect_model_has_a_mIoU_of_one()
    {
        Label("a", 0, 0, 1, 1);
        var (code, output, errors) = await EvaluateAsync();
        Assert.Equal((0, ""), (code, errors));
        Assert.Equal(
            """
            brightest on 1 images; 100.0 % of 16 pixels labelled

            class                  pixels    IoU
            red                         8  1.000
            green                       8  1.000

            mIoU 1.000  pixel accuracy 1.000  frequency-weighted IoU 1.000

            """,
            output);
    }

    [Fact]
    public async Task Figures_are_those_worked_out_by_hand_over_all_images()
    {
        Label("a", 0, 0, 0, 1);
        File.WriteAllBytes(Path.Combine(_images, "b.png"), Of(4, 4, (Blue, 0, 0, 4, 4)));
        Label("b", 2, 2, 2, 255);
        File.WriteAllText(Path.Combine(_images, "notes.txt"), "no image");
        File.WriteAllBytes(Path.Combine(_images, "unlabelled.png"), Of(4, 4));

        // Red: 8 right of 12 labelled, none more predicted. Green: 4 labelled, 8 predicted. Blue: 12 right, 4 void.
        // Accuracy (8 + 4 + 12) / 28 = .857; weighted (12 x 2/3 + 4 x 1/2 + 12 x 1) / 28 = 22 / 28 = .786.
        var (code, output, errors) = await EvaluateAsync();
        Assert.Equal((0, ""), (code, errors));
        Assert.Equal(
            """
            brightest on 2 images; 87.5 % of 32 pixels labelled

            class                  pixels    IoU
            red                        12  0.667
            green                       4  0.500
            blue                       12  1.000

            mIoU 0.722  pixel accuracy 0.857  frequency-weighted IoU 0.786

            """,
            output);
    }

    [Fact]
    public async Task Labels_and_classes_are_brought_together_by_options()
    {
        // Label 7 is red; 8 is void; all others are blue, as green is to count.
        Label("a", 7, 8, 3, 3);
        var (_, output, errors) = await EvaluateAsync("--map", "7=red,*=blue", "--void", "8", "--merge", "green=2");
        Assert.Equal("", errors);
        Assert.Contains("75.0 % of 16 pixels", output);
        Assert.Contains("mIoU 1.000", output);
    }

    [Fact]
    public async Task What_is_missing_or_does_not_fit_is_one_line_that_names_it()
    {
        await MustFailAsync($"There are no label maps (*.png) in '{_labels}'.");
        Label("none", 0, 0, 0, 0);
        var none = Path.Combine(_labels, "none.png");
        await MustFailAsync($"There is no image 'none' in '{_images}' for the label map '{none}'.");
        File.Delete(none);

        var path = Path.Combine(_labels, "a.png");
        File.WriteAllBytes(path, PngEncoder.Encode(new byte[6], 3, 2, PngColor.Grey));
        await MustFailAsync($"The label map '{path}' is 3 x 2 pixels; its image is 4 x 4.");
        File.WriteAllText(path, "no image");
        await MustFailAsync($"The label map '{path}' cannot be read: It is no PNG.");

        Label("a", 0, 0, 1, 1);
        await MustFailAsync("--map: '3' is no pair such as 3=road.", "--map", "3");
        await MustFailAsync("The model has no class 'pink'", "--map", "3=pink");
        await MustFailAsync("The field Evaluate:Void must be between 0 and 255.", "--void", "256");
        await MustFailAsync("Model 'boxes' finds objects; evaluate detect measures their masks.", "--model=boxes");
        await MustFailAsync("Model 'colors' is for classify, not for segment.", "--model=colors");
        File.WriteAllText(Path.Combine(_images, "a.jpg"), "");
        await MustFailAsync("Both '");
        File.Delete(Path.Combine(_images, "a.jpg"));
        File.WriteAllText(Path.Combine(_images, "a.png"), "no image");
        await MustFailAsync($"The image '{Path.Combine(_images, "a.png")}' cannot be read: ");
    }

    [Fact]
    public async Task Folders_are_needed_and_must_be_there()
    {
        string[] quiet = ["evaluate", "segment", "--models", _models.Path, "--Logging:LogLevel:Default", "None"];
        await CommandProcess.MustFailAsync("evaluate segment needs --images DIR.", quiet);
        await CommandProcess.MustFailAsync(
            "evaluate segment needs --label-maps DIR.", [.. quiet, "--images", _images]);
        await CommandProcess.MustFailAsync(
            "The folder '/no/such' cannot be read: ", [.. quiet, "--images", "/no/such", "--label-maps", _labels]);
    }

    [Fact]
    public async Task The_road_of_CamVid_is_found()
    {
        var set = SharedFiles.Path("sets/camvid-20");
        using var models = new ModelFolder().Add(
            "street",
            null,
            "task: segment\nlabels: [background, road, curb, mark]\ninput: {preset: raw, color: bgr, resize: stretch}");
        File.Copy(SharedFiles.Path("models/road-segmentation-adas-0001.onnx"), models.File("street/model.onnx"));
        var (code, output, errors) = await CommandProcess.RunAsync(
            "evaluate", "segment", "--models", models.Path, "--provider", "cpu", "--Logging:LogLevel:Default", "None",
            "--images", Path.Combine(set, "images"), "--label-maps", Path.Combine(set, "labels"),
            "--map", "3=road,*=background", "--void", "11", "--merge", "mark=road,curb=background");
        Assert.Equal((0, ""), (code, errors));
        var road = Regex.Match(output, @"^road +\d+ +(?<iou>[\d.]+)$", RegexOptions.Multiline).Groups["iou"].Value;
        Assert.InRange(double.Parse(road, CultureInfo.InvariantCulture), 0.93, 1);
    }

    /// <summary>A label map of 4 x 4, the label of each column.</summary>
    private void Label(string name, params byte[] columns) => File.WriteAllBytes(
        Path.Combine(_labels, $"{name}.png"),
        PngEncoder.Encode([.. columns, .. columns, .. columns, .. columns], 4, 4, PngColor.Palette, new byte[768]));

    private Task<(int Code, string Output, string Errors)> EvaluateAsync(params string[] arguments) =>
        CommandProcess.RunAsync(Arguments(arguments));

    private Task MustFailAsync(string line, params string[] arguments) =>
        CommandProcess.MustFailAsync(line, Arguments(arguments));

    private string[] Arguments(string[] arguments) =>
    [
        "evaluate", "segment", "--models", _models.Path, "--provider", "cpu", "--Logging:LogLevel:Default", "None",
        "--images", _images, "--label-maps", _labels,
        .. arguments.Any(static argument => argument.StartsWith("--model=", StringComparison.Ordinal))
            ? (string[])[] : ["--model=brightest"],
        .. arguments,
    ];
}
