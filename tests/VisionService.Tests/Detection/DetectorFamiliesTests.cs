using VisionService.Detection;
using VisionService.Inference;

namespace VisionService.Tests.Detection;

public sealed class DetectorFamiliesTests
{
    private static readonly ModelInput Vga = new(3, 640, 640);

    [Theory]
    [InlineData("yolo11n", "yolov8")]
    [InlineData("yolo11n-seg", "yolov8")]
    [InlineData("nanodet-m", "nanodet")]
    [InlineData("deimv2", "rt-detr-upstream")]
    [InlineData("ultraface", "ultraface")]
    [InlineData("yunet", "yunet")]
    [InlineData("ssd-st", "ssd-priors")]
    public void A_real_file_tells_its_family(string model, string family) =>
        Assert.Equal(family, Assert.Single(DetectorFamilies.Recognize(RealDetectors.Models[model].Signature())).Name);

    [Fact]
    public void A_real_yolox_is_answered_with_its_readings()
    {
        var readings = DetectorFamilies.Recognize(RealDetectors.Models["yolox-nano"].Signature(classCount: 80));
        Assert.Equal(["yolov6", "yolox", "yolox-decoded"], readings.Select(static family => family.Name));
    }

    public static TheoryData<string, object> Shapes { get; } = new()
    {
        { "yolov8", new OutputSignature[] { new("output0", [1, 84, 8400]) } },
        { "yolov8", new OutputSignature[] { new("output0", [-1, 84, -1]) } },
        { "yolov5", new OutputSignature[] { new("output", [1, 25200, 85]) } },
        { "yolov5", new OutputSignature[] { new("output", [1, 25200, 85]), new("a", [1, 3, 80, 80, 85]), new("b", [1, 3, 40, 40, 85]) } },
        { "efficient-nms", new OutputSignature[] { new("num_dets", [1, 1], true), new("det_boxes", [1, 100, 4]), new("det_scores", [1, 100]), new("det_classes", [1, 100], true) } },
        { "mmdeploy", new OutputSignature[] { new("dets", [1, -1, 5]), new("labels", [1, -1], true) } },
        { "rf-detr", new OutputSignature[] { new("dets", [1, 300, 4]), new("labels", [1, 300, 91]) } },
        { "torchvision", new OutputSignature[] { new("boxes", [-1, 4]), new("labels", [-1], true), new("scores", [-1]) } },
        { "torchvision", new OutputSignature[] { new("6379", [-1, 4]), new("6381", [-1], true), new("6383", [-1]) } },
        { "tf-object-detection", new OutputSignature[] { new("detection_boxes:0", [1, 100, 4]), new("detection_classes:0", [1, 100]), new("detection_scores:0", [1, 100]), new("num_detections:0", [1]) } },
        { "ssd-12", new OutputSignature[] { new("bboxes", [1, -1, 4]), new("labels", [1, -1], true), new("scores", [1, -1]) } },
        { "efficientdet", new OutputSignature[] { new("detections:0", [1, 100, 7]) } },
        { "pp-yoloe", new OutputSignature[] { new("multiclass_nms3_0.tmp_0", [-1, 6]), new("multiclass_nms3_0.tmp_2", [-1], true) } },
        { "yolo-nas", new OutputSignature[] { new("913", [1, 8400, 80]), new("904", [1, 8400, 4]) } },
        { "yolov3-zoo", new OutputSignature[] { new("yolonms_layer_1", [1, -1, 4]), new("yolonms_layer_1:1", [1, 80, -1]), new("yolonms_layer_1:2", [1, -1, 3], true) } },
        { "yolov4", new OutputSignature[] { new("a", [1, 80, 80, 3, 85]), new("b", [1, 40, 40, 3, 85]), new("c", [1, 20, 20, 3, 85]) } },
        { "yolov4-darknet", new OutputSignature[] { new("boxes", [1, 22743, 1, 4]), new("confs", [1, 22743, 80]) } },
        { "yolov2", new OutputSignature[] { new("grid", [1, 125, 20, 20]) } },
        { "fastestdet", new OutputSignature[] { new("out", [1, 85, 40, 40]) } },
        { "yolo-fastestv2", new OutputSignature[] { new("a", [1, 40, 40, 95]), new("b", [1, 20, 20, 95]) } },
        { "scrfd", new[] { 12800, 3200, 800 }.SelectMany(static rows => new[] { 1, 4, 10 }.Select(columns => new OutputSignature($"{rows}{columns}", [rows, columns]))).ToArray() },
        { "retinaface", new OutputSignature[] { new("a", [1, 16800, 4]), new("b", [1, 16800, 2]), new("c", [1, 16800, 10]) } },
        { "blazeface", new OutputSignature[] { new("a", [1, 896, 16]), new("b", [1, 896, 1]) } },
        { "retinanet", new[] { 720, 36 }.SelectMany(static channels => new[] { 80, 40, 20, 10, 5 }.Select(side => new OutputSignature($"{channels}{side}", [1, channels, side, side]))).ToArray() },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Names_and_shapes_decide(string family, object outputs)
    {
        var signature = new DetectorSignature(Vga, ["images"], (OutputSignature[])outputs);
        var read = Assert.Single(DetectorFamilies.Recognize(signature));
        Assert.Equal(family, read.Name);
        Assert.NotNull(read.Build(signature));
    }

    [Theory]
    [InlineData(92, "detr")]
    [InlineData(91, "rt-detr")]
    public void The_number_of_labels_tells_softmax_from_sigmoid(int logits, string family)
    {
        var signature = new DetectorSignature(
            Vga, ["pixel_values"], [new("logits", [1, 100, logits]), new("pred_boxes", [1, 100, 4])]);
        Assert.Equal(2, DetectorFamilies.Recognize(signature).Count);
        Assert.Equal(family, Assert.Single(DetectorFamilies.Recognize(signature with { ClassCount = 91 })).Name);
    }

    [Fact]
    public void The_model_type_of_a_configuration_decides_at_once()
    {
        var signature = new DetectorSignature(
            Vga, ["pixel_values"], [new("logits", [1, 300, 80]), new("pred_boxes", [1, 300, 4])])
        { ModelType = "rt_detr_v2" };
        Assert.Equal("rt-detr", Assert.Single(DetectorFamilies.Recognize(signature)).Name);
    }

    [Fact]
    public void Metadata_makes_six_columns_an_end_to_end_yolo()
    {
        var signature = new DetectorSignature(Vga, ["images"], [new("output0", [1, 300, 6])])
        {
            Metadata = new Dictionary<string, string> { ["author"] = "Ultralytics", ["task"] = "detect" },
        };
        Assert.Equal("yolov10", Assert.Single(DetectorFamilies.Recognize(signature)).Name);
    }

    [Fact]
    public void Metadata_gives_a_pose_its_key_points()
    {
        var signature = new DetectorSignature(Vga, ["images"], [new("output0", [1, 56, 8400])])
        {
            Metadata = new Dictionary<string, string>
            {
                ["author"] = "Ultralytics",
                ["task"] = "pose",
                ["kpt_shape"] = "[17, 3]",
            },
        };
        var family = Assert.Single(DetectorFamilies.Recognize(signature));
        Assert.Equal(17, family.Build(signature).KeyPointCount);
    }

    [Theory]
    [InlineData("torchvision")]
    [InlineData("efficient-nms")]
    [InlineData("detr")]
    [InlineData("yolov10")]
    public void What_the_graph_has_suppressed_is_not_suppressed_again(string family) =>
        Assert.Equal(SuppressionMethod.None, DetectorFamilies.Find(family)!.Suppression);

    [Fact]
    public void A_classifier_or_a_segmenter_is_no_detector()
    {
        Assert.Empty(DetectorFamilies.Recognize(new DetectorSignature(Vga, ["x"], [new("logits", [1, 1000])])));
        Assert.Empty(DetectorFamilies.Recognize(new DetectorSignature(Vga, ["x"], [new("out", [1, 21, 640, 640])])));
    }

    [Fact]
    public void Names_are_found_case_aside_and_mean_one_thing()
    {
        Assert.Equal("yolov8", DetectorFamilies.Find("YOLO11")?.Name);
        Assert.Null(DetectorFamilies.Find("yolo99"));
        var names = DetectorFamilies.All.SelectMany(static family => family.Aliases.Append(family.Name)).ToArray();
        Assert.Equal(names.Length, names.Distinct(StringComparer.OrdinalIgnoreCase).Count());
    }
}
