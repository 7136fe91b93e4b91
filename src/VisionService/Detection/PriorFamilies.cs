using VisionService.Detection.Decoders;

namespace VisionService.Detection;

/// <summary>Families whose boxes are offsets against priors.</summary>
internal static class PriorFamilies
{
    public static IReadOnlyList<DetectorFamily> All { get; } =
    [
        new("ssd-priors", "scores [1, n, 1 + classes], offsets [1, n, 4] and priors [1, n, 4] of corners in the graph",
            static s => s.Outputs.Count == 3 && Priors(s) >= 0 && Offsets(s) >= 0 && Scores(s) >= 0
                ? Evidence.Certain : Evidence.None,
            static s => new Ssd(Scores(s), Offsets(s), s.Input)
            {
                PriorsOutput = Priors(s),
                Coding = s.Parameters.Offsets ?? OffsetCoding.Corner,
            })
        {
            Aliases = ["st-ssd"],
        },
        new("multibox", "scores [1, n, 1 + classes] and offsets [1, n, 4] against priors of the manifest",
            static s => Evidence.None,
            static s => new Ssd(Scores(s), Offsets(s), s.Input)
            {
                Priors = s.Parameters.Priors
                    ?? throw new ArgumentException("This family needs priors: the graph does not give them.", nameof(s)),
                Coding = s.Parameters.Offsets ?? OffsetCoding.CenterVariance,
            })
        {
            Aliases = ["ssd"],
        },
        new("retinanet", "class maps [1, 9 * classes, h, w] and box maps [1, 36, h, w] of each level",
            static s => s.Outputs.Count >= 2 && s.Outputs.Count % 2 == 0 && s.Outputs.All(static o => o.Rank == 4)
                && Maps(s, isBoxes: true).Length * 2 == s.Outputs.Count ? Evidence.Certain : Evidence.None,
            static s => new RetinaNet(
                Maps(s, isBoxes: false),
                Maps(s, isBoxes: true),
                s.ClassCount ?? s.Outputs[Maps(s, isBoxes: false)[0]].Side(1) / 9,
                s.Input))
        {
            Classes = static s => Maps(s, isBoxes: false) is [var first, ..] ? s.Outputs[first].Side(1) / 9 : null,
        },
    ];

    private static int Priors(DetectorSignature s) => s.FindWhere(static o => o is { Rank: 3, Last: 4 }
        && (o.Name.Contains("anchor", StringComparison.OrdinalIgnoreCase)
            || o.Name.Contains("prior", StringComparison.OrdinalIgnoreCase)));

    private static int Offsets(DetectorSignature s)
    {
        var priors = Priors(s);
        return s.FindWhere(o => o is { Rank: 3, Last: 4 } && (priors < 0 || o.Name != s.Outputs[priors].Name));
    }

    private static int Scores(DetectorSignature s) => s.FindWhere(static o => o.Rank == 3 && o.Last != 4);

    private static int[] Maps(DetectorSignature s, bool isBoxes) =>
        [.. Enumerable.Range(0, s.Outputs.Count).Where(i => s.Outputs[i].Side(1) == 36 == isBoxes)];
}
