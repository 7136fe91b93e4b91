namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Shapes() =>
    [
        new("Reshape", "", [[2, 3, 4]], (g, x) => g.Reshape(x[0], 0, -1)) { Opsets = [7, 13], IsBatchFree = true },
        new("Flatten", "", [[2, 3, 4]], (g, x) => g.Flatten(x[0])) { Opsets = [7, 13], IsBatchFree = true },
        new("Squeeze", "by attribute", [[2, 1, 3, 1]], (g, x) => g.Node("Squeeze", x, ("axes", new long[] { 1, 3 })))
        {
            Opsets = [7, 11],
            IsBatchFree = true,
        },
        new("Squeeze", "by input", [[2, 1, 3, 1]], (g, x) => g.Node("Squeeze", [x[0], g.Constant([-1L])]))
        {
            Opsets = [13],
            IsBatchFree = true,
        },
        new("Squeeze", "of all", [[2, 1, 3, 1]], (g, x) => g.Node("Squeeze", x)) { Opsets = [7, 13] },
        new("Unsqueeze", "by attribute", [[2, 3]], (g, x) => g.Node("Unsqueeze", x, ("axes", new long[] { 1, 3 })))
        {
            Opsets = [7, 11],
            IsBatchFree = true,
        },
        new("Unsqueeze", "by input", [[2, 3]], (g, x) => g.Node("Unsqueeze", [x[0], g.Constant([0L, -1])]))
        {
            Opsets = [13],
            IsBatchFree = true,
        },
        new("Transpose", "", [[2, 3, 4]], (g, x) => g.Transpose(x[0], 1, 2, 0))
        {
            Opsets = [7, 13],
            IsBatchFree = true,
        },
        new("Transpose", "of all", [[2, 3, 4]], (g, x) => g.Node("Transpose", x)),
        new("Expand", "", [[3, 1]], (g, x) => g.Node("Expand", [x[0], g.Constant([2L, 1, 4])])) { Opsets = [8, 13] },
        new("Expand", "to a shape of the graph's", [[1, 3], [2, 3]], (g, x) =>
            g.Node("Expand", [x[0], g.Node("Shape", [x[1]])])),
        new("Tile", "", [[2, 3, 4]], (g, x) => g.Node("Tile", [x[0], g.Constant([1L, 2, 3])]))
        {
            Opsets = [7, 13],
            IsBatchFree = true,
        },
        new("Tile", "once", [[2, 3]], (g, x) => g.Node("Tile", [x[0], g.Constant([1L, 1])])),
        new("Concat", "", [[2, 3], [2, 1], [2, 4]], (g, x) => g.Concat(1, x))
        {
            Opsets = [7, 10, 13],
            IsBatchFree = true,
        },
        new("Concat", "of itself and a constant", [[2, 3]], (g, x) => g.Concat(-1, x[0], g.Weights(2, 2), x[0]))
        {
            Opsets = [11],
        },
        new("Split", "by attribute", [[2, 6]], (g, x) =>
            Weighted(g, g.Node("Split", x, 2, ("axis", 1), ("split", new long[] { 2, 4 }))))
        {
            Opsets = [7, 11],
            IsBatchFree = true,
        },
        new("Split", "by input", [[2, 6]], (g, x) =>
            Weighted(g, g.Node("Split", [x[0], g.Constant([2L, 4])], 2, ("axis", -1))))
        {
            Opsets = [13, 18],
            IsBatchFree = true,
        },
        new("Split", "into even parts", [[6, 2]], (g, x) => Weighted(g, g.Node("Split", x, 3), axis: 0))
        {
            Opsets = [7, 13],
        },
        new("Split", "by number", [[2, 5]], (g, x) =>
            Weighted(g, g.Node("Split", x, 3, ("axis", 1), ("num_outputs", 3))))
        {
            Opsets = [18, 21],
        },
        new("Split", "with an unused part", [[2, 6]], (g, x) => g.Node("Split", x, 3, ("axis", 1))[1])
        {
            Opsets = [7, 11, 13],
            IsBatchFree = true,
        },
        new("DepthToSpace", "DCR", [[2, 8, 2, 3]], (g, x) => g.Node("DepthToSpace", x, ("blocksize", 2)))
        {
            Opsets = [7, 11, 13],
            IsBatchFree = true,
        },
        new("DepthToSpace", "CRD", [[2, 8, 2, 3]], (g, x) =>
            g.Node("DepthToSpace", x, ("blocksize", 2), ("mode", "CRD")))
        {
            Opsets = [11, 13],
            IsBatchFree = true,
        },
        new("SpaceToDepth", "", [[2, 2, 4, 6]], (g, x) => g.Node("SpaceToDepth", x, ("blocksize", 2)))
        {
            Opsets = [7, 13],
            IsBatchFree = true,
        },
        new("Trilu", "upper", [[2, 3, 4]], (g, x) => g.Node("Trilu", [x[0], g.Constant(Tensor.Scalar(1L))]))
        {
            Opsets = [14],
            IsBatchFree = true,
        },
        new("Trilu", "lower", [[3, 4]], (g, x) => g.Node("Trilu", x, ("upper", 0))),
    ];

    /// <summary>Parts joined in reverse order, each with a weight of its own.</summary>
    private static string Weighted(GraphBuilder g, string[] parts, long axis = 1) => g.Concat(
        axis,
        parts.Select((part, i) => g.Mul(part, g.Constant([i + 1f]))).Reverse());
}
