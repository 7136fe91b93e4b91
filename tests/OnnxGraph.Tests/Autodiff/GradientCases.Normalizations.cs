namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Normalizations() =>
    [
        BatchNormalization("", 2, 3, 4, 5) with { Opsets = [7, 9, 14, 15, 17] },
        BatchNormalization("no picture", 4, 3),
        BatchNormalization("1-D", 2, 3, 5),
        new("InstanceNormalization", "", [[2, 3, 4, 5]], (g, x) => g.Node("InstanceNormalization", [x[0], g.Weights(3), g.Weights(3)], ("epsilon", 0.01f))) { Opsets = [7, 17, 18], IsBatchFree = true },
        new("InstanceNormalization", "all inputs", [[2, 3, 4, 5], [3], [3]], (g, x) => g.Node("InstanceNormalization", x)) { Opsets = [7, 17] },
        new("LayerNormalization", "last axis", [[2, 3, 8]], (g, x) => g.Node("LayerNormalization", [x[0], g.Weights(8), g.Weights(8)])) { Opsets = [17, 18], IsBatchFree = true },
        new("LayerNormalization", "no bias, several axes", [[2, 3, 4, 5]], (g, x) => g.Node("LayerNormalization", [x[0], g.Weights(3, 4, 5)], ("axis", 1), ("epsilon", 0.01f))) { IsBatchFree = true },
        new("LayerNormalization", "all inputs", [[2, 3, 8], [8], [8]], (g, x) => g.Node("LayerNormalization", x)),
        new("GroupNormalization", "scale for each group", [[2, 6, 4, 3]], (g, x) => g.Node("GroupNormalization", [x[0], g.Weights(2), g.Weights(2)], ("num_groups", 2), ("epsilon", 0.01f))) { Opsets = [18], IsBatchFree = true },
        new("GroupNormalization", "scale for each channel", [[2, 6, 4, 3]], (g, x) => g.Node("GroupNormalization", [x[0], g.Weights(6), g.Weights(6)], ("num_groups", 3), ("stash_type", (long)ElementType.Double))) { Opsets = [21], IsBatchFree = true },
        new("MeanVarianceNormalization", "over the batch", [[2, 3, 4, 5]], (g, x) => g.Node("MeanVarianceNormalization", [x[0]])) { Opsets = [9, 13, 18] },
        new("MeanVarianceNormalization", "over the picture", [[2, 3, 4, 5]], (g, x) => g.Node("MeanVarianceNormalization", [x[0]], ("axes", new long[] { 2, -1 }))) { Opsets = [9, 13, 18], IsBatchFree = true },
        new("LpNormalization", "p = 1", [[2, 3, 4]], (g, x) => g.Node("LpNormalization", [x[0]], ("p", 1), ("axis", 1))) { Opsets = [7, 17], IsBatchFree = true },
        new("LpNormalization", "p = 2", [[2, 3, 4]], (g, x) => g.Node("LpNormalization", [x[0]])) { Opsets = [7, 17], IsBatchFree = true },
        new("LRN", "", [[2, 7, 3, 4]], (g, x) => g.Node("LRN", [x[0]], ("size", 3), ("alpha", 0.5f), ("beta", 0.6f), ("bias", 2f))) { Opsets = [7, 13], IsBatchFree = true },
        new("LRN", "as in AlexNet", [[2, 7, 3, 4]], (g, x) => g.Node("LRN", [x[0]], ("size", 5))) { IsBatchFree = true },
    ];

    private static GradientCase BatchNormalization(string form, params long[] shape) => new("BatchNormalization", form, [shape], (g, x) => g.Node(
        "BatchNormalization",
        [x[0], g.Weights(shape[1]), g.Weights(shape[1]), g.Weights(shape[1]), g.Constant([.. Enumerable.Range(1, (int)shape[1]).Select(i => i / 2f)], shape[1])],
        ("epsilon", 0.001f)))
    { IsBatchFree = true };
}
