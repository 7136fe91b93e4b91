using VisionService.Detection.Decoders;

namespace VisionService.Detection;

/// <summary>Families that find faces, and those built like them.</summary>
internal static class FaceFamilies
{
    private static readonly int[] Strides = [8, 16, 32];

    public static IReadOnlyList<DetectorFamily> All { get; } =
    [
        new("yunet", "cls, obj, bbox and kps of strides 8, 16, 32",
            static s => s.HasAll("cls_8", "obj_16", "bbox_32", "kps_8") ? Evidence.Certain : Evidence.None,
            static s => new YuNet(
                [
                    .. Strides.Select(stride => new YuNet.Head(
                        stride,
                        s.Find($"cls_{stride}"),
                        s.Find($"obj_{stride}"),
                        s.Find($"bbox_{stride}"),
                        s.Find($"kps_{stride}"))),
                ],
                s.Input))
        {
            Classes = static _ => 1,
            MinScore = 0.6f,
            MaxIoU = 0.3f,
        },
        new("ultraface", "scores [1, n, 2] with background first, boxes [1, n, 4] xyxy 0-1",
            static s => s.Outputs.Count == 2 && s.HasAll("scores", "boxes") && s.Outputs[s.Find("scores")].Last == 2
                ? Evidence.Certain : Evidence.None,
            BuildDecoded)
        {
            Classes = ClassesBesideBackground,
            MinScore = 0.7f,
            MaxIoU = 0.3f,
        },
        new("pytorch-ssd", "scores [1, n, 1 + classes] with background first, boxes [1, n, 4] xyxy 0-1",
            static s => s.Outputs.Count == 2 && s.HasAll("scores", "boxes") && s.Outputs[s.Find("boxes")] is { Rank: 3, Last: 4 }
                && s.StridesOf(s.Outputs[s.Find("boxes")].Side(1)) is null ? Evidence.Possible : Evidence.None,
            BuildDecoded)
        {
            Classes = ClassesBesideBackground,
        },
        new("scrfd", "scores, distances and key points of two rows a cell on strides 8, 16, 32",
            static s => s.Outputs.Count is 6 or 9 && ScrfdHeads(s) is not null ? Evidence.Certain : Evidence.None,
            static s => new Scrfd(
                ScrfdHeads(s) ?? throw new ArgumentException("The outputs are not those of SCRFD.", nameof(s)), s.Input))
        {
            Classes = static _ => 1,
        },
        new("retinaface", "boxes [1, n, 4], scores [1, n, 2] and key points [1, n, 10] against priors",
            static s => s.Outputs.Count == 3 && Columns(s, 4) >= 0 && Columns(s, 2) >= 0 && Columns(s, 10) >= 0
                ? Evidence.Certain : Evidence.None,
            static s => new Ssd(Columns(s, 2), Columns(s, 4), s.Input)
            {
                Priors = Ssd.RetinaFacePriors(s.Input),
                KeyPointsOutput = Columns(s, 10),
                KeyPointCount = 5,
            })
        {
            Classes = static _ => 1,
        },
        new("blazeface", "boxes and six key points [1, n, 16], logits [1, n, 1], from cell centres",
            static s => s.Outputs.Count == 2 && Columns(s, 16) >= 0 && Columns(s, 1) >= 0 ? Evidence.Certain : Evidence.None,
            static s => new BlazeFace(Columns(s, 1), Columns(s, 16), s.Outputs[Columns(s, 16)].Side(1), s.Input))
        {
            Classes = static _ => 1,
        },
    ];

    private static int? ClassesBesideBackground(DetectorSignature s) =>
        s.Find("scores") is >= 0 and var scores ? s.Outputs[scores].Last - 1 : null;

    private static int Columns(DetectorSignature s, int columns) => s.FindWhere(o => o.Rank == 3 && o.Last == columns);

    private static BoxesAndScores BuildDecoded(DetectorSignature s) => new(s.Find("boxes"), s.Find("scores"))
    {
        Scale = BoxesAndScores.ScaleOf(s.Input),
        HasBackground = true,
    };

    /// <summary>The outputs by columns and rows, as their names are numbers in most files.</summary>
    private static Scrfd.Head[]? ScrfdHeads(DetectorSignature s)
    {
        var heads = new Scrfd.Head[Strides.Length];
        for (var i = 0; i < heads.Length; i++)
        {
            var rows = s.Cells(Strides[i]) * 2;
            int Of(int columns) => s.FindWhere(o => o.Last == columns && o.Rank is 2 or 3 && o.Side(o.Rank - 2) == rows);
            heads[i] = new Scrfd.Head(Strides[i], Of(1), Of(4), Of(10) is >= 0 and var points ? points : null);
            if (heads[i].Scores < 0 || heads[i].Distances < 0)
            {
                return null;
            }
        }

        return heads;
    }
}
