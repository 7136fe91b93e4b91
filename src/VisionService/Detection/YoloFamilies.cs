using VisionService.Detection.Decoders;

namespace VisionService.Detection;

/// <summary>The YOLO families and others without priors, most known by the length of their output.</summary>
internal static class YoloFamilies
{
    public static IReadOnlyList<DetectorFamily> All { get; } =
    [
        new("yolov8", "[1, 4 + classes + extra, anchors] cxcywh pixels, class probabilities", YoloShapes.FitV8, YoloShapes.BuildV8)
        {
            Aliases = ["yolov9", "yolo11", "yolov11", "yolo12", "yolov12", "yolo-world", "ultralytics"],
            Classes = YoloShapes.ClassesOfV8,
        },
        new("yolov10", "[1, n, 6 + extra] xyxy pixels, score, class", YoloShapes.FitEndToEnd, YoloShapes.BuildEndToEnd)
        {
            Aliases = ["yolo26", "yolo-end2end"],
            Suppression = SuppressionMethod.None,
        },
        new("yolov5", "[1, anchors, 5 + classes + extra] cxcywh pixels, objectness, class probabilities",
            static s => YoloShapes.FitRows(s, perCell: 3), YoloShapes.BuildRows)
        {
            Aliases = ["yolov7", "yolov3-ultralytics"],
            Classes = YoloShapes.ClassesOfRows,
        },
        new("yolov6", "[1, cells, 5 + classes] cxcywh pixels, objectness, class probabilities",
            static s => YoloShapes.FitRows(s, perCell: 1), YoloShapes.BuildRows)
        {
            Classes = YoloShapes.ClassesOfRows,
            Suits = static (s, rows) => YoloShapes.AreDecoded(s, rows) && YoloShapes.AreAllObjects(s, rows),
        },
        new("yolox", "[1, cells, 5 + classes] offsets in strides, objectness, class probabilities",
            static s => YoloShapes.FitRows(s, perCell: 1),
            static s => new Yolox(
                YoloShapes.RowsOf(s), YoloShapes.RowClasses(s, 5), s.Input,
                s.Parameters.Strides ?? s.StridesOf(s.Outputs[YoloShapes.RowsOf(s)].Side(1)) ?? [8, 16, 32]))
        {
            Classes = YoloShapes.ClassesOfRows,
            Suits = static (s, rows) => YoloShapes.AreOffsets(s, rows),
            Suppression = SuppressionMethod.Agnostic,
        },
        new("yolox-decoded", "[1, cells, 5 + classes] cxcywh pixels, objectness, class probabilities",
            static s => YoloShapes.FitRows(s, perCell: 1), YoloShapes.BuildRows)
        {
            Classes = YoloShapes.ClassesOfRows,
            Suits = static (s, rows) => YoloShapes.AreDecoded(s, rows) && !YoloShapes.AreAllObjects(s, rows),
            Suppression = SuppressionMethod.Agnostic,
        },
        new("nanodet-plus", "[1, cells, classes + 4 * bins] from cell corners",
            YoloShapes.FitNanoDetPlus,
            static s => NanoDet.Plus(
                YoloShapes.RowsOf(s),
                s.ClassCount ?? s.Outputs[YoloShapes.RowsOf(s)].Last - 32,
                s.Input,
                s.Parameters.Strides ?? s.StridesOf(s.Outputs[YoloShapes.RowsOf(s)].Side(1)) ?? [8, 16, 32, 64]))
        {
            // With eight bins a side, which nearly all have; labels say it better.
            Classes = static s => s.ClassCount ?? (YoloShapes.RowsOf(s) is >= 0 and var rows ? s.Outputs[rows].Last - 32 : null),
        },
        new("nanodet", "cls_pred and dis_pred of each stride, from cell centres",
            static s => s.HasAll("cls_pred_stride_8", "dis_pred_stride_8") ? Evidence.Certain : Evidence.None,
            static s => NanoDet.Legacy(
                [.. YoloShapes.Strides.Select(stride => s.Find($"cls_pred_stride_{stride}"))],
                [.. YoloShapes.Strides.Select(stride => s.Find($"dis_pred_stride_{stride}"))],
                s.Outputs[s.Find("cls_pred_stride_8")].Last,
                s.Input,
                YoloShapes.Strides))
        {
            Classes = static s => s.Find("cls_pred_stride_8") is >= 0 and var scores ? s.Outputs[scores].Last : null,
        },
        new("yolo-nas", "boxes [1, cells, 4] xyxy pixels, scores [1, cells, classes]",
            static s => s.Outputs is [{ Rank: 3 } a, { Rank: 3 } b] && (a.Last == 4 || b.Last == 4)
                && s.StridesOf(a.Side(1)) is not null && a.Side(1) == b.Side(1) ? Evidence.Certain : Evidence.None,
            static s => s.Outputs[0].Last == 4 ? new BoxesAndScores(0, 1) : new BoxesAndScores(1, 0))
        {
            Aliases = ["damo-yolo"],
            Classes = static s => s.Outputs is [var a, var b] ? (a.Last == 4 ? b : a).Last : null,
        },
        new("yolov3-zoo", "boxes yxyx, scores [1, classes, n], indices [n, 3]; suppressed in the graph",
            static s => s.Outputs.Count == 3 && s.FindWhere(static o => o is { IsInteger: true, Last: 3 }) >= 0
                ? Evidence.Certain : Evidence.None,
            static s => new YoloV3Selected(
                s.FindWhere(static o => o is { IsInteger: false, Last: 4 }),
                s.FindWhere(static o => o is { IsInteger: false, Rank: 3 } && o.Last != 4),
                s.FindWhere(static o => o.IsInteger)))
        {
            Suppression = SuppressionMethod.None,
        },
        new("yolov4-darknet", "boxes [1, n, 1, 4] xyxy 0-1, confs [1, n, classes]",
            static s => s.HasAll("boxes", "confs") ? Evidence.Certain : Evidence.None,
            static s => new BoxesAndScores(s.Find("boxes"), s.Find("confs")) { Scale = BoxesAndScores.ScaleOf(s.Input) })
        {
            Aliases = ["darknet"],
            Classes = static s => s.Find("confs") is >= 0 and var scores ? s.Outputs[scores].Last : null,
        },
        .. YoloMapFamilies.All,
    ];
}
