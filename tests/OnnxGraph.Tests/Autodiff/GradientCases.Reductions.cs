namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Reductions() =>
    [
        .. ReductionsByAttribute("ReduceSum", 7, 11),
        .. ReductionsByInput("ReduceSum", 13),
        new("ReduceSum", "over no axes", [[2, 3]], (g, x) => g.Node("ReduceSum", x, ("noop_with_empty_axes", 1)))
        {
            Opsets = [13],
        },
        .. ReductionsByAttribute("ReduceMean", 7, 13),
        .. ReductionsByInput("ReduceMean", 18),
        .. ReductionsByAttribute("ReduceMax", 7, 13),
        .. ReductionsByInput("ReduceMax", 18),
        .. ReductionsByAttribute("ReduceMin", 7, 13),
        .. ReductionsByInput("ReduceMin", 18),
        .. ReductionsByAttribute("ReduceProd", 9, 13),
        .. ReductionsByInput("ReduceProd", 18),
        .. ReductionsByAttribute("ReduceL1", 7, 13),
        .. ReductionsByInput("ReduceL1", 18),
        .. ReductionsByAttribute("ReduceL2", 7, 13),
        .. ReductionsByInput("ReduceL2", 18),
        .. ReductionsByAttribute("ReduceSumSquare", 7, 13),
        .. ReductionsByInput("ReduceSumSquare", 18),
        .. ReductionsByAttribute("ReduceLogSum", 7, 13),
        .. ReductionsByInput("ReduceLogSum", 18),
        .. ReductionsByAttribute("ReduceLogSumExp", 7, 13),
        .. ReductionsByInput("ReduceLogSumExp", 18),
        new("ReduceProd", "with a zero", [[4]], (g, x) => Product(g, x[0], [1, 0, 1, 1])),
        new("ReduceProd", "with two zeros", [[4]], (g, x) => Product(g, x[0], [1, 0, 0, 1])),
        new("CumSum", "", [[2, 5]], (g, x) => g.Node("CumSum", [x[0], g.Constant(Tensor.Scalar(1L))]))
        {
            Opsets = [11, 14],
            IsBatchFree = true,
        },
        new("CumSum", "backwards and exclusive", [[2, 5]], (g, x) =>
            g.Node("CumSum", [x[0], g.Constant(Tensor.Scalar(-1L))], ("reverse", 1), ("exclusive", 1))),
    ];

    private static (double Low, double High) RangeOf(string reduction) => reduction == "ReduceLogSum" ? (0.2, 2) : (-2, 2);

    private static IEnumerable<GradientCase> ReductionsByAttribute(string reduction, params int[] opsets) =>
    [
        new(reduction, "by attribute", [[2, 3, 4, 2]], (g, x) =>
            g.Node(reduction, x, ("axes", new long[] { 1, -1 }), ("keepdims", 0)))
        {
            Opsets = opsets[0] < 11 ? [11, .. opsets[1..]] : opsets,
            Range = RangeOf(reduction),
            IsBatchFree = true,
        },
        new(reduction, "kept, by attribute", [[2, 3, 4]], (g, x) => g.Node(reduction, x, ("axes", new long[] { 2 })))
        {
            Opsets = opsets,
            Range = RangeOf(reduction),
            IsBatchFree = opsets[0] > 7,
        },
        new(reduction, "over all axes", [[2, 3]], (g, x) => g.Node(reduction, x, ("keepdims", 0)))
        {
            Opsets = opsets,
            Range = RangeOf(reduction),
        },
    ];

    private static IEnumerable<GradientCase> ReductionsByInput(string reduction, int opset) =>
    [
        new(reduction, "by input", [[2, 3, 4]], (g, x) =>
            g.Node(reduction, [x[0], g.Constant([-1L, 1])], ("keepdims", 0)))
        {
            Opsets = [opset, 21],
            Range = RangeOf(reduction),
            IsBatchFree = true,
        },
        new(reduction, "kept, by input", [[2, 3, 4]], (g, x) => g.Node(reduction, [x[0], g.Constant([1L])]))
        {
            Opsets = [opset],
            Range = RangeOf(reduction),
        },
        new(reduction, "without the input", [[2, 3]], (g, x) => g.Node(reduction, x))
        {
            Opsets = [opset],
            Range = RangeOf(reduction),
        },
    ];

    private static string Product(GraphBuilder g, string x, float[] factors) =>
        g.Node("ReduceProd", [g.Mul(x, g.Constant(factors))]);
}
