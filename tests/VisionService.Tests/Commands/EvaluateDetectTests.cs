using VisionService.Tests.Detection;
using static VisionService.Tests.Detection.Scenes;

namespace VisionService.Tests.Commands;

/// <summary><c>evaluate detect</c> as its users run it: a process, its output and its exit code.</summary>
public sealed class EvaluateDetectTests : IDisposable
{
    private readonly ModelFolder _models = new ModelFolder()
        .Add("finder", TinyDetectors.Colors(64, 64).Build(), TinyDetectors.Unit, ModelFolder.ColorLabels)
        .Add("colors", TinyModels.Colors(), "input: {preset: unit}", ModelFolder.ColorLabels)
        .Add("other", TinyDetectors.Colors(64, 64).Build(), TinyDetectors.Unit, "cat\ndog\nant\n")
        .Add("numbers", TinyDetectors.Colors(64, 64).Build(), TinyDetectors.Unit)
        .Add("broken", TinyDetectors.Colors(64, 64).Build(), "family: nothing");

    private readonly string _images;
    private readonly string _truth;

    public EvaluateDetectTests()
    {
        _images = Directory.CreateDirectory(_models.File("../" + Path.GetFileName(_models.Path) + "-images")).FullName;
        File.WriteAllBytes(Path.Combine(_images, "a.png"), Of(128, 128, (Red, 8, 8, 28, 28), (Blue, 64, 0, 128, 40)));
        File.WriteAllBytes(Path.Combine(_images, "b.png"), Of(128, 64, (Green, 0, 0, 120, 60)));
        _truth = Write("truth.json", Truth("a.png"));
    }

    public void Dispose()
    {
        Directory.Delete(_images, recursive: true);
        _models.Dispose();
    }

    [Fact]
    public async Task A_perfect_detector_has_an_AP_of_one_with_a_row_for_each_class()
    {
        var (code, output, errors) = await EvaluateAsync("--model", "finder", "--coco", _truth, "--images", _images);
        Assert.Equal((0, ""), (code, errors));
        Assert.Equal(
            """
            finder on 2 images, 3 annotations; score >= 0.001, IoU 0.70

            category         objects     AP   AP50  AR100
            red                    1  1.000  1.000  1.000
            green                  1  1.000  1.000  1.000
            blue                   1  1.000  1.000  1.000

            AP 1.000  AP50 1.000  AP75 1.000  small 1.000  medium 1.000  large     -  AR100 1.000

            """,
            output);
    }

    [Fact]
    public async Task A_score_above_all_finds_nothing()
    {
        var (code, output, _) = await EvaluateAsync(
            "--model", "finder", "--coco", _truth, "--images", _images, "--min-score", "0.95", "--max-iou", "0.5");
        Assert.Equal(0, code);
        Assert.StartsWith(
            "finder on 2 images, 3 annotations; score >= 0.95, IoU 0.50", output, StringComparison.Ordinal);
        Assert.Contains("AP 0.000  AP50 0.000", output);
    }

    [Fact]
    public async Task Labels_that_are_no_category_stand_for_them_in_order_where_there_are_as_many()
    {
        var (code, output, errors) = await EvaluateAsync("--model", "other", "--coco", _truth, "--images", _images);
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains("AP 1.000", output);
    }

    [Theory]
    [InlineData("finer", "There is no model 'finer' (did you mean 'finder'?). Models: broken, colors, finder, numbers, other.")]
    [InlineData("colors", "Model 'colors' is for classify, not for detect.")]
    [InlineData("broken", "Model 'broken' could not be loaded: vision.yaml: there is no family of detectors 'nothing'")]
    public async Task A_model_that_cannot_be_measured_is_one_line(string model, string line) =>
        await MustFailAsync(line, "--model", model, "--coco", _truth, "--images", _images);

    [Fact]
    public async Task What_is_missing_is_named()
    {
        await MustFailAsync("evaluate detect needs --coco instances.json.", "--images", _images);
        await MustFailAsync("evaluate detect needs --images DIR.", "--coco", _truth);
        await MustFailAsync(
            "'nowhere.json' cannot be read as COCO annotations: ", "--coco", "nowhere.json", "--images", _images);
        await MustFailAsync(
            $"The image '{Path.Combine(_images, "none.png")}' cannot be read: ",
            "--model", "finder", "--coco", Write("missing.json", Truth("none.png")), "--images", _images);
        File.WriteAllText(Path.Combine(_images, "text.png"), "no image");
        await MustFailAsync(
            $"The image '{Path.Combine(_images, "text.png")}' cannot be read: ",
            "--model", "finder", "--coco", Write("text.json", Truth("text.png")), "--images", _images);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"images": [{"id": "one"}], "categories": [], "annotations": []}""")]
    [InlineData("""{"images": [{"id": 1}], "categories": [], "annotations": []}""")]
    [InlineData("""{"images": [], "categories": [{"id": 1}], "annotations": []}""")]
    [InlineData("""{"images": [null], "categories": [], "annotations": []}""")]
    [InlineData("""{"images": [], "categories": [{"id": 1, "name": "red"}, {"id": 2, "name": "red"}], "annotations": []}""")]
    [InlineData("""{"images": [], "categories": [{"id": 1, "name": "red"}], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2], "area": 1}]}""")]
    [InlineData("""{"images": [], "categories": [{"id": 1, "name": "red"}], "annotations": [{"image_id": 1, "category_id": 1, "area": 1}]}""")]
    public async Task Annotations_of_another_form_are_one_line(string json) => await MustFailAsync(
        $"'{Path.Combine(_images, "wrong.json")}' cannot be read as COCO annotations: ",
        "--model", "finder", "--coco", Write("wrong.json", json), "--images", _images);

    [Fact]
    public async Task Categories_of_another_world_are_one_line() => await MustFailAsync(
        "None of the model's 3 labels is a category of the annotations (cup, ...).",
        "--model",
        "finder",
        "--coco",
        Write("cups.json", """{"images": [], "categories": [{"id": 1, "name": "cup"}], "annotations": []}"""),
        "--images",
        _images);

    [Fact]
    public async Task A_wrong_option_or_command_is_one_line()
    {
        await MustFailAsync("Unknown option '--cocoa' (did you mean '--coco'?); --help lists them.", "--cocoa", "x");
        Assert.Equal(
            (2, "", "Unknown command 'evaluate detcet' (did you mean 'evaluate detect'?); --help lists them.\n"),
            await CommandProcess.RunAsync("evaluate", "detcet"));
    }

    private static string Truth(string first) => $$"""
        {"images": [{"id": 1, "file_name": "{{first}}", "width": 128, "height": 128},
                    {"id": 2, "file_name": "b.png", "width": 128, "height": 64}],
         "categories": [{"id": 5, "name": "red"}, {"id": 6, "name": "green"}, {"id": 9, "name": "blue"}],
         "annotations": [
           {"image_id": 1, "category_id": 5, "bbox": [8, 8, 20, 20], "area": 400, "iscrowd": 0},
           {"image_id": 1, "category_id": 9, "bbox": [64, 0, 64, 40], "area": 2560, "iscrowd": 0},
           {"image_id": 2, "category_id": 6, "bbox": [0, 0, 120, 60], "area": 7200, "iscrowd": 0}]}
        """;

    private string Write(string name, string text)
    {
        var path = Path.Combine(_images, name);
        File.WriteAllText(path, text);
        return path;
    }

    private async Task MustFailAsync(string line, params string[] arguments)
    {
        var (code, output, errors) = await EvaluateAsync(arguments);
        Assert.StartsWith(line, errors, StringComparison.Ordinal);
        Assert.Equal((2, "", 1), (code, output, errors.TrimEnd('\n').Split('\n').Length));
    }

    private Task<(int Code, string Output, string Errors)> EvaluateAsync(params string[] arguments) => CommandProcess.RunAsync(
        ["evaluate", "detect", "--models", _models.Path, "--provider", "cpu", "--Logging:LogLevel:Default", "None", .. arguments]);
}
