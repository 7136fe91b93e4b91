using static VisionService.Tests.Detection.Scenes;

namespace VisionService.Tests.Commands;

/// <summary><c>evaluate detect</c> on a model that draws masks: here, masks that fill their boxes.</summary>
public sealed class EvaluateMasksTests : IDisposable
{
    private const string Whole = "[[8, 8, 28, 8, 28, 28, 8, 28]]";

    private readonly ModelFolder _models = new ModelFolder()
        .Add(
            "masks",
            TinyMasks.Fixed((0.9f, 8, 8, 28, 28), (0.95f, 40, 40, 60, 60)),
            TinyMasks.Manifest,
            ModelFolder.ColorLabels);

    private readonly string _images = Directory.CreateTempSubdirectory("vision-set-").FullName;

    public EvaluateMasksTests() => File.WriteAllBytes(Path.Combine(_images, "a.png"), Of(64, 64));

    public void Dispose()
    {
        Directory.Delete(_images, recursive: true);
        _models.Dispose();
    }

    [Fact]
    public async Task Masks_that_fit_have_an_AP_of_one_and_one_in_a_crowd_does_not_count()
    {
        var (code, output, errors) = await EvaluateAsync(Truth(Whole));
        Assert.Equal((0, ""), (code, errors));
        Assert.Equal(
            """
            masks on 1 images, 2 annotations; score >= 0.001, IoU 0.70

            boxes            objects     AP   AP50  AR100
            red                    1  1.000  1.000  1.000

            AP 1.000  AP50 1.000  AP75 1.000  small 1.000  medium     -  large     -  AR100 1.000

            masks            objects     AP   AP50  AR100
            red                    1  1.000  1.000  1.000

            AP 1.000  AP50 1.000  AP75 1.000  small 1.000  medium     -  large     -  AR100 1.000

            """,
            output);
    }

    [Fact]
    public async Task A_mask_twice_as_large_is_right_at_the_lowest_of_ten_IoUs()
    {
        // The box fits; of the 20 x 20 pixels the left half belongs to the object: IoU .5.
        var (code, output, _) = await EvaluateAsync(Truth("[[8, 8, 18, 8, 18, 28, 8, 28]]"));
        Assert.Equal(0, code);
        var tables = output.Split("masks  ");
        Assert.Contains("AP 1.000  AP50 1.000", tables[0]);
        Assert.Contains("AP 0.100  AP50 1.000  AP75 0.000", tables[1]);
    }

    [Fact]
    public async Task Without_masks_in_the_file_boxes_alone_are_measured()
    {
        const string Json = """
            {"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 5, "name": "red"}], "annotations": [
              {"image_id": 1, "category_id": 5, "bbox": [40, 40, 20, 20], "area": 400}]}
            """;
        var (_, output, errors) = await EvaluateAsync(Json);
        Assert.Equal("", errors);
        Assert.Contains("category         objects", output);
        Assert.DoesNotContain("masks  ", output);
    }

    [Theory]
    [InlineData("null", "The mask of annotation 0, on 'a.png', cannot be read: it is missing.")]
    [InlineData("[[1, \"x\"]]", "The mask of annotation 0, on 'a.png', cannot be read: ")]
    [InlineData("{\"size\": [64, 64]}", "The mask of annotation 0, on 'a.png', cannot be read: ")]
    [InlineData(
        "{\"size\": [32, 64], \"counts\": [2048]}",
        "The mask of annotation 0, on 'a.png', cannot be read: its height and width are 32 and 64; the image is 64 x")]
    public async Task A_mask_that_cannot_be_read_is_one_line(string mask, string line) =>
        await CommandProcess.MustFailAsync(line, Arguments(Truth(mask)));

    [Fact]
    public async Task Sizes_that_differ_are_one_line()
    {
        File.WriteAllBytes(Path.Combine(_images, "a.png"), Of(32, 64));
        await CommandProcess.MustFailAsync(
            "The image 'a.png' is 32 x 64 pixels; the annotations say 64 x 64.", Arguments(Truth(Whole)));
    }

    /// <summary>One object, and a crowd over the right half of the image.</summary>
    private static string Truth(string mask) => $$$"""
        {"images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}],
         "categories": [{"id": 5, "name": "red"}],
         "annotations": [
           {"image_id": 1, "category_id": 5, "bbox": [8, 8, 20, 20], "area": 400, "segmentation": {{{mask}}}},
           {"image_id": 1, "category_id": 5, "bbox": [32, 0, 32, 64], "area": 2048, "iscrowd": 1,
            "segmentation": {"size": [64, 64], "counts": [2048, 2048]}}]}
        """;

    private Task<(int Code, string Output, string Errors)> EvaluateAsync(string json) =>
        CommandProcess.RunAsync(Arguments(json));

    private string[] Arguments(string json)
    {
        var path = Path.Combine(_images, "truth.json");
        File.WriteAllText(path, json);
        return
        [
            "evaluate", "detect", "--models", _models.Path, "--provider", "cpu", "--Logging:LogLevel:Default", "None",
            "--model", "masks", "--coco", path, "--images", _images,
        ];
    }
}
