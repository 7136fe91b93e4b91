namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Padding() =>
    [
        PadByAttribute("constant"),
        PadByAttribute("reflect"),
        PadByAttribute("edge"),
        PadByInput("constant"),
        PadByInput("reflect"),
        PadByInput("edge"),
        new("Pad", "wrap, some axes", [[2, 2, 4, 3]], (g, x) =>
            g.Node("Pad", [x[0], g.Constant([2L, 1, 1, 3]), "", g.Constant([-1L, 1])], ("mode", "wrap")))
        {
            Opsets = [19, 21],
            IsBatchFree = true,
        },
        new("Pad", "constant, some axes", [[2, 4, 3]], (g, x) =>
            g.Node("Pad", [x[0], g.Constant([2L, 1]), g.Constant(Tensor.Scalar(3f)), g.Constant([2L])]))
        {
            Opsets = [18, 21],
            IsBatchFree = true,
        },
        new("Pad", "negative", [[2, 6]], (g, x) => g.Node("Pad", [x[0], g.Constant([0L, -1, 0, -2])]))
        {
            Opsets = [11],
            IsBatchFree = true,
        },
        new("Pad", "mixed", [[4, 6]], (g, x) => g.Node("Pad", [x[0], g.Constant([1L, -1, -2, 2])]))
        {
            Opsets = [11, 21],
        },
        new("Pad", "edge, negative on one side", [[4, 6]], (g, x) =>
            g.Node("Pad", [x[0], g.Constant([0L, -1, 0, 2])], ("mode", "edge"))),
    ];

    private static GradientCase PadByAttribute(string mode) => new(
        "Pad",
        $"{mode}, by attribute",
        [[2, 2, 4, 3]],
        (g, x) => g.Node("Pad", x, ("pads", new long[] { 0, 0, 2, 1, 0, 0, 1, 2 }), ("mode", mode)))
    {
        Opsets = [7, 10],
        IsBatchFree = true,
    };

    private static GradientCase PadByInput(string mode) => new(
        "Pad",
        $"{mode}, by input",
        [[2, 2, 4, 3]],
        (g, x) => g.Node("Pad", [x[0], g.Constant([0L, 0, 2, 1, 0, 0, 1, 2])], ("mode", mode)))
    {
        Opsets = [11, 13],
        IsBatchFree = true,
    };
}
