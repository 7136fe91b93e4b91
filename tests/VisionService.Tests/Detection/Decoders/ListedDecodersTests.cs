using VisionService.Detection;
using VisionService.Detection.Decoders;
using VisionService.Inference;
using static VisionService.Tests.Detection.Expect;

namespace VisionService.Tests.Detection.Decoders;

/// <summary>Graphs that end in a list: the same object in each family's columns.</summary>
public sealed class ListedDecodersTests
{
    private static readonly ModelInput Input = new(3, 100, 200);

    /// <summary>xyxy 20, 10, 60, 50, class 2 (counted from 0), score .9.</summary>
    public static TheoryData<string, float[]> Rows { get; } = new()
    {
        { "yolov7-end2end", [0, 20, 10, 60, 50, 2, 0.9f] },
        { "yolo-nas-flat", [0, 20, 10, 60, 50, 0.9f, 2] },
        { "efficientdet", [0, 10, 20, 50, 60, 0.9f, 3] },
        { "effdet", [20, 10, 60, 50, 0.9f, 3] },
        { "yolov10", [20, 10, 60, 50, 0.9f, 2] },
        { "pp-yoloe", [2, 0.9f, 20, 10, 60, 50] },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Each_family_has_its_columns(string family, float[] row)
    {
        var signature = new DetectorSignature(Input, ["x"], [new("rows", [1, -1, row.Length])]);
        using var outputs = new OutputTensors().Add("rows", [1, 1, row.Length], row);
        One(outputs.Decode(DetectorFamilies.Find(family)!.Build(signature)), 2, 0.9f, 20, 10, 60, 50);
    }

    [Fact]
    public void Paddle_says_class_minus_one_where_it_found_nothing()
    {
        using var outputs = new OutputTensors().Add("rows", [1, 6], -1f, 0.9f, 0, 0, 10, 10);
        Assert.Empty(outputs.Decode(new DetectionRows(0, RowLayout.Paddle)));
    }

    [Fact]
    public void TensorFlow_counts_classes_from_one_and_says_how_many_rows_count()
    {
        var signature = new DetectorSignature(Input, ["image"],
        [
            new("detection_boxes", [1, 2, 4]), new("detection_classes", [1, 2]), new("detection_scores", [1, 2]), new("num_detections", [1]),
        ]);
        using var outputs = new OutputTensors()
            .Add("detection_boxes", [1, 2, 4], 0.1f, 0.1f, 0.5f, 0.3f, 0, 0, 1, 1)
            .Add("detection_classes", [1, 2], 3f, 1)
            .Add("detection_scores", [1, 2], 0.9f, 0.8f)
            .Add("num_detections", [1], 1f);
        One(outputs.Decode(Assert.Single(DetectorFamilies.Recognize(signature)).Build(signature)), 2, 0.9f, 20, 10, 60, 50);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Torchvision_is_told_by_types_in_both_orders(bool hasScoresFirst)
    {
        OutputSignature[] rest = [new("1", [-1]), new("2", [-1], IsInteger: true)];
        using var outputs = new OutputTensors().Add("0", [1, 4], 20f, 10, 60, 50);
        if (hasScoresFirst)
        {
            outputs.Add("1", [1], 0.9f).Add("2", [1], 2L);
        }
        else
        {
            rest = [new("1", [-1], IsInteger: true), new("2", [-1])];
            outputs.Add("1", [1], 2L).Add("2", [1], 0.9f);
        }

        var signature = new DetectorSignature(Input, ["x"], [new("0", [-1, 4]), .. rest]);
        One(outputs.Decode(Assert.Single(DetectorFamilies.Recognize(signature)).Build(signature)), 2, 0.9f, 20, 10, 60, 50);
    }

    [Fact]
    public void Mmdeploy_has_the_score_behind_the_box()
    {
        using var outputs = new OutputTensors()
            .Add("dets", [1, 1, 5], 20f, 10, 60, 50, 0.9f)
            .Add("labels", [1, 1], 2L);
        One(outputs.Decode(new BoxesScoresLabels(0, null, new NumericOutput(1, true))), 2, 0.9f, 20, 10, 60, 50);
    }

    [Fact]
    public void EfficientNms_counts_its_rows()
    {
        using var outputs = new OutputTensors()
            .Add("num_dets", [1, 1], 1L)
            .Add("det_boxes", [1, 2, 4], 20f, 10, 60, 50, 1, 1, 9, 9)
            .Add("det_scores", [1, 2], 0.9f, 0.8f)
            .Add("det_classes", [1, 2], 2L, 5L);
        var decoder = new BoxesScoresLabels(1, 2, new NumericOutput(3, true)) { Length = new NumericOutput(0, true) };
        One(outputs.Decode(decoder), 2, 0.9f, 20, 10, 60, 50);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_choice_of_yolov3_ends_at_minus_one(bool hasBatchAxis)
    {
        // Boxes yxyx; scores [classes, boxes]; chosen: class 2 of box 1, then padding.
        using var outputs = new OutputTensors()
            .Add("boxes", [1, 2, 4], 0f, 0, 1, 1, 10, 20, 50, 60)
            .Add("scores", [1, 3, 2], 0f, 0, 0, 0, 0, 0.9f)
            .Add("chosen", hasBatchAxis ? [1, 2, 3] : [2, 3], 0L, 2, 1, -1, -1, -1);
        One(outputs.Decode(new YoloV3Selected(0, 1, 2)), 2, 0.9f, 20, 10, 60, 50);
    }

    [Fact]
    public void Boxes_and_scores_may_be_shares_with_background()
    {
        using var outputs = new OutputTensors()
            .Add("scores", [1, 2, 3], 0.9f, 0.05f, 0.05f, 0.1f, 0.2f, 0.7f)
            .Add("boxes", [1, 2, 4], 0f, 0, 1, 1, 0.1f, 0.1f, 0.3f, 0.5f);
        var decoder = new BoxesAndScores(1, 0) { Scale = BoxesAndScores.ScaleOf(Input), HasBackground = true };
        One(outputs.Decode(decoder), 1, 0.7f, 20, 10, 60, 50);
    }

    [Fact]
    public void Boxes_of_darknet_have_a_third_axis()
    {
        using var outputs = new OutputTensors()
            .Add("boxes", [1, 1, 1, 4], 0.1f, 0.1f, 0.3f, 0.5f)
            .Add("confs", [1, 1, 3], 0.1f, 0.2f, 0.7f);
        One(outputs.Decode(new BoxesAndScores(0, 1) { Scale = (200, 100) }), 2, 0.7f, 20, 10, 60, 50);
    }
}
