using VisionService.Detection.Decoders;

namespace VisionService.Detection;

/// <summary>Families whose graph drops duplicates itself and ends in a list, most known by the names of its
/// outputs.</summary>
internal static class ListedFamilies
{
    private static readonly DetectorFamily[] Families =
    [
        new("tf-object-detection", "boxes [n, 4] yxyx 0-1, classes counted from 1, scores, num_detections",
            static s => s.HasAll("detection_boxes", "detection_scores", "detection_classes") || IsNamelessTensorFlow(s)
                ? Evidence.Certain : Evidence.None,
            BuildTensorFlow)
        {
            Aliases = ["ssd-mobilenet", "tf-ssd", "tensorflow"],
        },
        new("efficient-nms", "num_dets, det_boxes xyxy pixels, det_scores, det_classes",
            static s => s.HasAll("num_dets", "det_boxes", "det_scores", "det_classes") ? Evidence.Certain : Evidence.None,
            static s => new BoxesScoresLabels(
                s.Find("det_boxes"), s.Find("det_scores"), s.Numbers(s.Find("det_classes")))
            {
                Length = s.Numbers(s.Find("num_dets")),
            }),
        new("mmdeploy", "dets [n, 5] xyxy score, labels [n]",
            static s => s.HasAll("dets", "labels") && s.Outputs[s.Find("dets")].Last == 5
                ? Evidence.Certain : Evidence.None,
            static s => new BoxesScoresLabels(s.Find("dets"), null, s.Numbers(s.Find("labels"))))
        {
            Aliases = ["rtmdet", "mmdetection"],
        },
        new("yolo-nas-batch", "num_predictions, pred_boxes xyxy pixels, pred_scores, pred_classes",
            static s => s.Outputs.Count == 4 && s.FindWhere(static o => o.Name.Contains("num_predictions")) >= 0
                ? Evidence.Certain : Evidence.None,
            static s => new BoxesScoresLabels(
                s.FindWhere(static o => o.Last == 4 && o.Rank == 3),
                s.FindWhere(static o => o.Name.Contains("scores")),
                s.Numbers(s.FindWhere(static o => o.Name.Contains("classes") || o.Name.Contains("labels"))))
            {
                Length = s.Numbers(s.FindWhere(static o => o.Name.Contains("num_predictions"))),
            }),
        new("yolo-nas-flat", "[n, 7] image, xyxy pixels, score, class",
            static s => s.Outputs is [{ Rank: 2, Last: 7 } only] && only.Name.Contains("flat")
                ? Evidence.Certain : Evidence.None,
            static s => new DetectionRows(0, RowLayout.SuperGradients)),
        new("yolov7-end2end", "[n, 7] image, xyxy pixels, class, score",
            static s => s.Outputs is [{ Rank: 2, Last: 7 }] ? Evidence.Possible : Evidence.None,
            static s => new DetectionRows(0, RowLayout.YoloV7)),
        new("efficientdet", "[1, n, 7] image, yxyx pixels, score, class counted from 1",
            static s => s.Find("detections") is >= 0 and var i && s.Outputs[i].Last == 7
                ? Evidence.Certain : Evidence.None,
            static s => new DetectionRows(0, RowLayout.EfficientDet)),
        new("effdet", "[n, 6] xyxy pixels, score, class counted from 1",
            static s => Evidence.None, // the same shape as YOLOv10's
            static s => new DetectionRows(0, RowLayout.EffDet)),
        new("pp-yoloe", "[n, 6] class, score, xyxy pixels",
            static s => s.Outputs.Any(static o => o.Name.Contains("multiclass_nms")) || s.HasInput("scale_factor")
                ? Evidence.Certain : Evidence.None,
            static s => new DetectionRows(s.FindWhere(static o => o.Last == 6), RowLayout.Paddle))
        {
            Aliases = ["paddle", "picodet", "ppyoloe"],
        },
        new("ssd-12", "bboxes [1, n, 4] xyxy 0-1, labels counted from 1, scores",
            static s => s.HasAll("bboxes", "labels", "scores") ? Evidence.Certain : Evidence.None,
            static s => new BoxesScoresLabels(s.Find("bboxes"), s.Find("scores"), s.Numbers(s.Find("labels")))
            {
                Scale = BoxesAndScores.ScaleOf(s.Input),
                FirstClass = s.Parameters.FirstClass ?? 1,
            }),
        new("torchvision", "boxes [n, 4] xyxy pixels, labels (integers) and scores (floats) [n] in any order",
            static s => s.Outputs.Count is 3 or 4 && HasBoxesScoresLabels(s) && s.Outputs.All(static o => o.Rank is 1 or 2 or 4)
                ? Evidence.Certain : Evidence.None,
            static s => new BoxesScoresLabels(Boxes(s), Scores(s), s.Numbers(Labels(s)))
            {
                FirstClass = s.Parameters.FirstClass ?? 0, // torchvision's labels name the background
            })
        {
            Aliases = ["faster-rcnn", "mask-rcnn", "retinanet-torchvision", "fcos", "ssdlite"],
        },
    ];

    public static IReadOnlyList<DetectorFamily> All { get; } =
        [.. Families.Select(static family => family with { Suppression = SuppressionMethod.None })];

    private static int Boxes(DetectorSignature s) => s.FindWhere(static o => o is { Rank: 2, Last: 4, IsInteger: false });

    private static int Labels(DetectorSignature s) => s.FindWhere(static o => o is { Rank: 1, IsInteger: true });

    private static int Scores(DetectorSignature s) => s.FindWhere(static o => o is { Rank: 1, IsInteger: false });

    private static bool HasBoxesScoresLabels(DetectorSignature s) => Boxes(s) >= 0 && Labels(s) >= 0 && Scores(s) >= 0;

    /// <summary>TensorFlow 2's eight outputs in the order of the alphabet, once an exporter has dropped their
    /// names.</summary>
    private static bool IsNamelessTensorFlow(DetectorSignature s) =>
        s.Outputs.Count == 8 && s.HasAll("Identity", "Identity_1", "Identity_5", "Identity_7");

    private static BoxesScoresLabels BuildTensorFlow(DetectorSignature s)
    {
        var names = s.Find("detection_boxes") >= 0
            ? (Boxes: "detection_boxes", Classes: "detection_classes", Scores: "detection_scores", Length: "num_detections")
            : (Boxes: "Identity_1", Classes: "Identity_2", Scores: "Identity_4", Length: "Identity_5");
        return new BoxesScoresLabels(s.Find(names.Boxes), s.Find(names.Scores), s.Numbers(s.Find(names.Classes)))
        {
            Length = s.Find(names.Length) is >= 0 and var length ? s.Numbers(length) : null,
            HasYFirst = true,
            Scale = BoxesAndScores.ScaleOf(s.Input),
            FirstClass = s.Parameters.FirstClass ?? 1,
        };
    }
}
