namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Activations() =>
    [
        new("Relu", "", [[2, 3, 4]], (g, x) => g.Relu(x[0])) { Opsets = [7, 13, 17], IsBatchFree = true },
        new("Sigmoid", "", [[2, 3, 4]], (g, x) => g.Sigmoid(x[0])) { Opsets = [7, 13], IsBatchFree = true },
    ];
}
