using System.Text;
using VisionService.Detection;
using VisionService.Detection.Evaluation;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Detection.Evaluation;

public sealed class CocoEvaluatorTests
{
    private const string Json = """
        {"images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],
         "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
         "annotations": [{"image_id": 1, "category_id": 18, "bbox": [10, 20, 50, 50], "area": 2500, "iscrowd": 0}]}
        """;

    private static readonly CocoCategory Dog = new(18, "dog");

    [Fact]
    public void The_file_of_annotations_is_read()
    {
        var truth = CocoGroundTruth.Read(new MemoryStream(Encoding.UTF8.GetBytes(Json)));
        Assert.Equal("a.jpg", truth.Images[0].FileName);
        Assert.Equal([10, 20, 50, 50], Assert.Single(truth.Annotations).Bbox);
        Assert.Throws<System.Text.Json.JsonException>(() => CocoGroundTruth.Read(new MemoryStream("{}"u8.ToArray())));
    }

    [Fact]
    public void Finding_all_exactly_is_one()
    {
        var truth = Truth(Dog, (1, 0, 0, 20, 20, 0), (1, 100, 100, 50, 50, 0), (2, 0, 0, 200, 200, 0));
        var summary = CocoEvaluator.Evaluate(truth, Perfect(truth));
        Assert.Equal(1, summary.AP);
        Assert.Equal(1, summary.APSmall); // 400 < 32^2
        Assert.Equal(1, summary.APMedium); // 2500
        Assert.Equal(1, summary.APLarge); // 40000 > 96^2
        Assert.Equal(1, summary.AR100);
    }

    [Fact]
    public void A_better_wrong_one_halves_precision()
    {
        // Wrong at .9, right at .8: precision 1/2 at every recall.
        var truth = Truth(Dog, (1, 0, 0, 40, 40, 0));
        var summary = CocoEvaluator.Evaluate(truth, [Found(1, 0.8f, 0, 0, 40, 40), Found(1, 0.9f, 300, 300, 40, 40)]);
        Assert.Equal(0.5, summary.AP, 1e-9);
        Assert.Equal(1, summary.AR100);
    }

    [Fact]
    public void Half_the_objects_found_is_half_the_recalls()
    {
        // Recall .5 with precision 1: 51 of the 101 recalls, 0 to .50.
        var truth = Truth(Dog, (1, 0, 0, 40, 40, 0), (1, 100, 0, 40, 40, 0));
        var summary = CocoEvaluator.Evaluate(truth, [Found(1, 0.8f, 0, 0, 40, 40)]);
        Assert.Equal(51.0 / 101, summary.AP, 1e-9);
        Assert.Equal(0.5, summary.AR100, 1e-9);
    }

    [Fact]
    public void Overlap_decides_at_which_thresholds_a_box_is_right()
    {
        // IoU 40 * 32 / 40 * 40 = .8: right at .50, .55 .. .80, seven of ten.
        var truth = Truth(Dog, (1, 0, 0, 40, 40, 0));
        var summary = CocoEvaluator.Evaluate(truth, [Found(1, 0.8f, 0, 0, 40, 32.0001f)]);
        Assert.Equal(0.7, summary.AP, 1e-9);
        Assert.Equal(1, summary.AP75);
    }

    [Fact]
    public void A_second_box_on_one_object_is_wrong()
    {
        var truth = Truth(Dog, (1, 0, 0, 40, 40, 0), (1, 100, 0, 40, 40, 0));
        var summary = CocoEvaluator.Evaluate(
            truth, [Found(1, 0.9f, 0, 0, 40, 40), Found(1, 0.8f, 0, 0, 40, 40), Found(1, 0.7f, 100, 0, 40, 40)]);
        // Precision 1 up to recall .5, then 2/3.
        Assert.Equal((51 + (50 * 2.0 / 3)) / 101, summary.AP, 1e-9);
    }

    [Fact]
    public void What_is_found_in_a_crowd_is_neither_right_nor_wrong()
    {
        var truth = Truth(Dog, (1, 0, 0, 200, 200, 1), (1, 300, 0, 40, 40, 0));
        var summary = CocoEvaluator.Evaluate(
            truth,
            [Found(1, 0.99f, 10, 10, 20, 20), Found(1, 0.98f, 50, 50, 20, 20), Found(1, 0.5f, 300, 0, 40, 40)]);
        Assert.Equal(1, summary.AP);
        Assert.Equal(1, Assert.Single(summary.Categories).AnnotationCount);
    }

    [Fact]
    public void A_large_object_found_does_not_count_among_the_small()
    {
        var truth = Truth(Dog, (1, 0, 0, 20, 20, 0), (1, 100, 100, 300, 300, 0));
        var summary = CocoEvaluator.Evaluate(truth, [Found(1, 0.9f, 100, 100, 300, 300), Found(1, 0.8f, 0, 0, 20, 20)]);
        Assert.Equal(1, summary.APSmall);
        Assert.Equal(1, summary.APLarge);
        Assert.True(double.IsNaN(summary.APMedium));
    }

    [Fact]
    public void Only_the_best_hundred_of_an_image_count()
    {
        var truth = Truth(Dog, (1, 0, 0, 40, 40, 0));
        var found = Enumerable.Range(0, 100).Select(static _ => Found(1, 0.9f, 300, 300, 40, 40)).ToList();
        Assert.Equal(0, CocoEvaluator.Evaluate(truth, [.. found, Found(1, 0.8f, 0, 0, 40, 40)]).AP);
    }

    [Fact]
    public void Categories_weigh_the_same_and_those_without_objects_nothing()
    {
        var truth = Truth(Dog, (1, 0, 0, 40, 40, 0)) with { Categories = [Dog, new(3, "car"), new(4, "cat")] };
        truth = truth with { Annotations = [.. truth.Annotations, new(1, 3, [0, 0, 9, 9], 81), new(1, 3, [50, 0, 9, 9], 81)] };
        Assert.Equal(0.5, CocoEvaluator.Evaluate(truth, [Found(1, 0.9f, 0, 0, 40, 40)]).AP, 1e-9);
    }

    [Fact]
    public void The_order_of_detections_does_not_matter()
    {
        var random = new Random(1);
        var truth = Truth(Dog, [.. Enumerable.Range(0, 60).Select(i =>
            (i % 7, random.Next(500), random.Next(500), 10 + random.Next(150), 10 + random.Next(150), i % 13 == 0 ? 1 : 0))]);
        var found = truth.Annotations.Select((a, i) => Found(
            (int)a.ImageId, 0.1f + (i * 0.01f), (float)a.Bbox[0] + random.Next(9), (float)a.Bbox[1], (float)a.Bbox[2], (float)a.Bbox[3])).ToArray();
        var straight = CocoEvaluator.Evaluate(truth, found);
        random.Shuffle(found);
        Assert.Equal(straight with { Categories = [] }, CocoEvaluator.Evaluate(truth, found) with { Categories = [] });
        Assert.InRange(straight.AP, 0.2, 0.99);
    }

    [Fact]
    public void The_annotations_of_coco_find_themselves()
    {
        using var json = File.OpenRead(SharedFiles.Path("sets/coco-50/instances.json"));
        var truth = CocoGroundTruth.Read(json);
        Assert.Equal(1, CocoEvaluator.Evaluate(truth, Perfect(truth)).AP, 1e-9);
    }

    private static List<CocoDetection> Perfect(CocoGroundTruth truth) =>
    [
        .. truth.Annotations.Where(static a => a.IsCrowd == 0).Select(static a => new CocoDetection(
            a.ImageId,
            a.CategoryId,
            0.9f,
            new Box(
                (float)a.Bbox[0], (float)a.Bbox[1], (float)(a.Bbox[0] + a.Bbox[2]), (float)(a.Bbox[1] + a.Bbox[3])))
            {
                Area = a.Area,
            }),
    ];

    private static CocoDetection Found(int image, float score, float x, float y, float width, float height) =>
        new(image, Dog.Id, score, new Box(x, y, x + width, y + height));

    private static CocoGroundTruth Truth(
        CocoCategory category, params (int Image, int X, int Y, int Width, int Height, int IsCrowd)[] boxes) => new(
        [.. boxes.Select(static box => box.Image).Distinct().Select(static id => new CocoImage(id, $"{id}.jpg", 640, 640))],
        [category],
        [.. boxes.Select(box => new CocoAnnotation(
            box.Image, category.Id, [box.X, box.Y, box.Width, box.Height], box.Width * box.Height) { IsCrowd = box.IsCrowd })]);
}
