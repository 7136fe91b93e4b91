namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Arithmetic() =>
    [
        new("Add", "", [[2, 3, 4], [2, 3, 4]], (g, x) => g.Add(x[0], x[1]))
        {
            Opsets = [7, 13, 17],
            IsBatchFree = true,
        },
        new("Add", "of broadcast vectors", [[2, 3, 1], [4]], (g, x) => g.Add(x[0], x[1])) { Opsets = [7, 13, 17] },
        new("Sub", "", [[2, 1, 4], [3, 1]], (g, x) => g.Node("Sub", [x[0], x[1]])) { Opsets = [7, 13] },
        new("Sub", "of itself times three", [[2, 4]], (g, x) => g.Node("Sub", [g.Mul(x[0], g.Constant([3f])), x[0]]))
        {
            IsBatchFree = true,
        },
        new("Mul", "", [[2, 3, 4], [2, 1, 4]], (g, x) => g.Mul(x[0], x[1])) { Opsets = [7, 13], IsBatchFree = true },
        new("Mul", "by itself", [[2, 3, 4]], (g, x) => g.Mul(x[0], x[0])) { IsBatchFree = true },
        new("Div", "", [[3, 1], [2, 3, 4]], (g, x) => g.Node("Div", [x[0], x[1]]))
        {
            Opsets = [7, 13],
            Range = (0.5, 2),
        },
        new("Div", "by a constant", [[2, 4]], (g, x) => g.Node("Div", [x[0], g.Constant([2f, 3, 4, 5])]))
        {
            IsBatchFree = true,
        },
        new("Mod", "", [[2, 4], [4]], (g, x) => g.Node("Mod", [x[0], x[1]], ("fmod", 1)))
        {
            Opsets = [10, 13],
            Range = (0.7, 2),
        },
        new("Sum", "", [[2, 4], [2, 4], [2, 4]], (g, x) => g.Node("Sum", x)) { Opsets = [7, 13], IsBatchFree = true },
        new("Sum", "broadcast", [[2, 4], [4], [2, 1]], (g, x) => g.Node("Sum", x)) { Opsets = [8, 13] },
        new("Sum", "of one", [[2, 4]], (g, x) => g.Node("Sum", x)),
        new("Mean", "", [[2, 4], [4], [2, 1]], (g, x) => g.Node("Mean", x)) { Opsets = [8, 13] },
        new("Max", "", [[2, 4], [2, 4]], (g, x) => g.Node("Max", x)) { Opsets = [7, 8, 13] },
        new("Max", "broadcast", [[2, 4], [4], [2, 1]], (g, x) => g.Node("Max", x)) { Opsets = [8, 12, 13] },
        new("Min", "", [[2, 4], [2, 4]], (g, x) => g.Node("Min", x)) { Opsets = [7, 8, 13], IsBatchFree = true },
        new("Min", "broadcast", [[2, 4], [4], [2, 1]], (g, x) => g.Node("Min", x)) { Opsets = [8, 13] },
        new("Pow", "2", [[2, 4]], (g, x) => g.Node("Pow", [x[0], g.Constant([2f], 1)]))
        {
            Opsets = [7, 12, 13],
            IsBatchFree = true,
        },
        new("Pow", "0.5", [[2, 4]], (g, x) => g.Node("Pow", [x[0], g.Constant(Tensor.Scalar(0.5f))]))
        {
            Opsets = [7, 15],
            Range = (0.5, 2),
        },
        new("Pow", "0", [[2, 4]], (g, x) => g.Node("Pow", [x[0], g.Constant([0f], 1)])),
        new("Pow", "of integer exponents", [[2, 4]], (g, x) => g.Node("Pow", [x[0], g.Constant([0L, 1, 2, 3])]))
        {
            Opsets = [12, 15],
        },
        new("Pow", "by both", [[2, 4], [4]], (g, x) => g.Node("Pow", x)) { Opsets = [7, 12, 15], Range = (0.5, 2) },
        new("Where", "", [[2, 4], [4]], (g, x) =>
            g.Node("Where", [g.Constant(Tensor.Of([true, false], 2, 1)), x[0], x[1]]))
        {
            Opsets = [9, 16],
        },
        new("Where", "by the values themselves", [[2, 4], [2, 1]], (g, x) =>
            g.Node("Where", [g.Node("Greater", [x[0], x[1]]), x[0], x[1]]))
        {
            Opsets = [9, 16],
            IsBatchFree = true,
        },
    ];
}
