namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Products() =>
    [
        new("MatMul", "by weights", [[2, 3, 4]], (g, x) => g.Node("MatMul", [x[0], g.Weights(4, 5)]))
        {
            Opsets = [7, 13],
            IsBatchFree = true,
        },
        new("MatMul", "of batches", [[2, 3, 4, 5], [2, 3, 5, 6]], MatMul) { IsBatchFree = true },
        new("MatMul", "of matrices", [[3, 4], [4, 5]], MatMul) { Opsets = [7, 9, 13] },
        new("MatMul", "broadcast on both sides", [[2, 1, 4, 5], [3, 5, 6]], MatMul),
        new("MatMul", "a matrix by a batch", [[4, 5], [2, 3, 5, 6]], MatMul),
        new("MatMul", "a vector by a vector", [[4], [4]], MatMul),
        new("MatMul", "a vector by a matrix", [[4], [4, 5]], MatMul) { Opsets = [9, 13] },
        new("MatMul", "a vector by a batch", [[4], [2, 3, 4, 5]], MatMul),
        new("MatMul", "a matrix by a vector", [[3, 4], [4]], MatMul) { Opsets = [9, 13] },
        new("MatMul", "a batch by a vector", [[2, 3, 4], [4]], MatMul),
        Gemm(false, false),
        Gemm(false, true),
        Gemm(true, false),
        Gemm(true, true),
        new("Gemm", "without C", [[3, 4], [4, 5]], (g, x) => g.Node("Gemm", x)) { Opsets = [11, 13] },
        new("Gemm", "of a linear layer", [[2, 4]], (g, x) => g.Gemm(x[0], g.Weights(5, 4), g.Weights(5)))
        {
            Opsets = [7, 17],
            IsBatchFree = true,
        },
        new("Einsum", "of batches", [[2, 3, 4], [2, 4, 5]], Einsum("bij,bjk->bik"))
        {
            Opsets = [12],
            IsBatchFree = true,
        },
        new("Einsum", "with indices of one term", [[2, 3, 4], [4, 5]], Einsum("bij, jk -> k")),
        new("Einsum", "of three", [[3, 4], [4, 5], [5]], Einsum("ij,jk,k->ik")),
        new("Einsum", "with an implicit output", [[3, 4], [4, 2]], Einsum("zb,ba")),
        new("Einsum", "that transposes", [[2, 3, 4]], Einsum("bij->jbi")),
    ];

    private static string MatMul(GraphBuilder g, string[] x) => g.Node("MatMul", x);

    private static GradientCase Gemm(bool transA, bool transB) => new(
        "Gemm",
        $"{(transA ? "A'" : "A")} {(transB ? "B'" : "B")} + C",
        [transA ? [4, 3] : [3, 4], transB ? [5, 4] : [4, 5], transA ? [5] : [3, 1]],
        (g, x) => g.Node("Gemm", x, ("transA", transA), ("transB", transB), ("alpha", 0.5f), ("beta", 2f)))
    {
        Opsets = [7, 9, 11, 13],
    };

    private static Func<GraphBuilder, string[], string> Einsum(string equation) =>
        (g, x) => g.Node("Einsum", x, ("equation", equation));
}
