namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    /// <summary>Places from -1.5 to 1.5: some samples lie outside, or half outside.</summary>
    private static IEnumerable<GradientCase> Sampling() =>
    [
        GridSample("bilinear", "zeros", alignCorners: false, 16),
        GridSample("bilinear", "zeros", alignCorners: true, 16),
        GridSample("bilinear", "border", alignCorners: false, 16),
        GridSample("linear", "zeros", alignCorners: false, 20),
        GridSample("linear", "border", alignCorners: true, 20),
    ];

    private static GradientCase GridSample(string mode, string padding, bool alignCorners, int opset) => new(
        "GridSample",
        $"{mode}, {padding}{(alignCorners ? ", from corner to corner" : "")}",
        [[2, 3, 4, 5], [2, 3, 4, 2]],
        (g, x) => g.Node(
            "GridSample",
            [x[0], g.Mul(x[1], g.Constant([0.75f]))],
            ("mode", mode),
            ("padding_mode", padding),
            ("align_corners", alignCorners)))
    {
        Opsets = [opset],
        IsBatchFree = true,
    };
}
