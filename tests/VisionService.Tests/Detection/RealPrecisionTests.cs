using VisionService.Detection.Evaluation;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Detection;

/// <summary>Average precision of the real detectors on a small set of COCO: a decoder that is a little off loses it
/// first at high IoU.</summary>
[Trait("Category", "Soak")]
public sealed class RealPrecisionTests
{
    [Theory]
    [InlineData("yolo11n", null, 0.30)]
    [InlineData("yolox-nano", "yolox", 0.25)]
    [InlineData("nanodet-m", null, 0.20)]
    [InlineData("deimv2", null, 0.20)]
    public void Average_precision_is_that_of_such_a_model(string model, string? manifest, double least)
    {
        using var json = File.OpenRead(SharedFiles.Path("sets/coco-50/instances.json"));
        var truth = CocoGroundTruth.Read(json);
        var categories = truth.Categories.Select(static category => category.Id).Order().ToArray();
        var found = new List<CocoDetection>();
        foreach (var photo in truth.Images)
        {
            var objects = RealDetectors.Models[model].Detect(
                $"sets/coco-50/images/{photo.FileName}", manifest, minScore: 0.001f, maxIoU: 0.65f);
            found.AddRange(objects.Select(o => new CocoDetection(photo.Id, categories[o.ClassId], o.Score, o.Box)));
        }

        var summary = CocoEvaluator.Evaluate(truth, found);
        TestContext.Current.TestOutputHelper!.WriteLine($"{model}: {summary with { Categories = [] }}");
        Assert.InRange(summary.AP, least, 0.6);
    }
}
