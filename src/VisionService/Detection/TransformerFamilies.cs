using VisionService.Detection.Decoders;

namespace VisionService.Detection;

/// <summary>Families that predict a set of objects by queries.</summary>
internal static class TransformerFamilies
{
    public static IReadOnlyList<DetectorFamily> All { get; } =
    [
        new("rt-detr-upstream", "labels, boxes xyxy in the pixels of orig_target_sizes, scores",
            static s => s.HasInput("orig_target_sizes") || (s.HasAll("labels", "boxes", "scores")
                && s.Outputs[s.Find("boxes")] is { Rank: 3, Last: 4 } && s.Outputs[s.Find("labels")].IsInteger)
                ? Evidence.Certain : Evidence.None,
            static s => new BoxesScoresLabels(s.Find("boxes"), s.Find("scores"), s.Numbers(s.Find("labels"))))
        {
            Aliases = ["deim", "deimv2", "d-fine-upstream"],
            Suppression = SuppressionMethod.None,
        },
        new("rf-detr", "dets [1, q, 4] cxcywh 0-1, labels [1, q, classes + 1] logits, a sigmoid per class",
            static s => s.HasAll("dets", "labels") && s.Outputs[s.Find("dets")].Last == 4
                ? Evidence.Certain : Evidence.None,
            static s => new Detr(
                s.Find("labels"),
                s.Find("dets"),
                Math.Min(s.ClassCount ?? int.MaxValue, s.Outputs[s.Find("labels")].Last - 1),
                hasSoftmax: false,
                s.Input))
        {
            Aliases = ["rfdetr"],
            Suppression = SuppressionMethod.None,
        },
        new("detr", "logits [1, q, classes + 1], pred_boxes cxcywh 0-1, softmax with a last 'no object'",
            static s => Fit(s, extra: 1),
            static s => new Detr(
                s.Find("logits"), s.Find("pred_boxes"), s.Outputs[s.Find("logits")].Last - 1, hasSoftmax: true, s.Input))
        {
            Aliases = ["yolos", "table-transformer"],
            Classes = static s => Logits(s) - 1,
            Suppression = SuppressionMethod.None,
        },
        new("rt-detr", "logits [1, q, classes], pred_boxes cxcywh 0-1, a sigmoid per class",
            static s => Fit(s, extra: 0),
            static s => new Detr(
                s.Find("logits"), s.Find("pred_boxes"), s.Outputs[s.Find("logits")].Last, hasSoftmax: false, s.Input))
        {
            Aliases =
            [
                "rt_detr", "rt_detr_v2", "rt-detrv2", "d_fine", "d-fine", "deformable_detr", "deformable-detr",
                "conditional_detr", "conditional-detr", "dab-detr", "deta",
            ],
            Classes = Logits,
            Suppression = SuppressionMethod.None,
        },
        new("rt-detr-ultralytics", "[1, q, 4 + classes] cxcywh 0-1, class probabilities",
            FitUltralytics,
            static s => new UltralyticsRtDetr(0, s.ClassCount ?? s.Outputs[0].Last - 4, s.Input))
        {
            Classes = static s => s.Outputs[0].Last - 4,
            Suppression = SuppressionMethod.None,
        },
    ];

    private static int? Logits(DetectorSignature s) => s.Find("logits") is >= 0 and var logits ? s.Outputs[logits].Last : null;

    /// <summary>Only the number of labels tells whether the last logit is a class.</summary>
    private static Evidence Fit(DetectorSignature s, int extra) =>
        !s.HasAll("logits", "pred_boxes") ? Evidence.None
        : s.ClassCount is null ? Evidence.Possible
        : s.Outputs[s.Find("logits")].Last == s.ClassCount + extra ? Evidence.Certain
        : Evidence.None;

    /// <summary>Queries are few and no grid's cells; six columns would be a list of detections.</summary>
    private static Evidence FitUltralytics(DetectorSignature s) =>
        s.Outputs is not [{ Rank: 3 } only] || only.Side(1) is < 0 or > 1000 || s.StridesOf(only.Side(1)) is not null
            || only.Last is < 5 or 6 or 38 ? Evidence.None
        : s.ClassCount == only.Last - 4 ? s.IsUltralytics ? Evidence.Certain : Evidence.Possible
        : Evidence.None;
}
