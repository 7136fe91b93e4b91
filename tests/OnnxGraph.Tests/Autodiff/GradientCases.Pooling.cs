namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Pooling() =>
    [
        .. Pools("MaxPool"),
        Pool("MaxPool", "dilated", [2, 2, 8, 7], [3, 2], ("dilations", new long[] { 2, 3 })) with { Opsets = [10, 16] },
        Pool("MaxPool", "column-major indices", [2, 2, 5, 5], [2, 2], ("storage_order", 1)),
        .. Pools("AveragePool"),
        Pool("AveragePool", "padding counts", [2, 2, 7, 6], [3, 2], ("strides", new long[] { 2, 1 }), ("pads", new long[] { 1, 0, 1, 1 }), ("count_include_pad", 1)) with { Opsets = [7, 10, 17] },
        Pool("AveragePool", "padding counts, ceil", [2, 2, 8, 8], [3, 3], ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 }), ("count_include_pad", 1), ("ceil_mode", 1)) with { Opsets = [10, 19] },
        Pool("AveragePool", "dilated", [2, 2, 8, 7], [3, 2], ("dilations", new long[] { 2, 3 }), ("pads", new long[] { 1, 1, 1, 1 })) with { Opsets = [19] },
        .. Pools("LpPool").Where(it => it.Form != "ceil"),
        Pool("LpPool", "p = 1", [2, 2, 6, 6], [3, 3], ("strides", new long[] { 2, 2 }), ("p", 1)) with { Opsets = [7, 17] },
        Pool("LpPool", "p = 3", [2, 2, 6, 6], [3, 3], ("strides", new long[] { 2, 2 }), ("p", 3)),
        Global("GlobalAveragePool", ""),
        Global("GlobalMaxPool", ""),
        Global("GlobalLpPool", ""),
        Global("GlobalLpPool", "p = 1", ("p", 1)),
        Global("GlobalLpPool", "p = 3", ("p", 3)),
    ];

    private static IEnumerable<GradientCase> Pools(string op) =>
    [
        Pool(op, "tiles", [2, 2, 6, 4], [2, 2], ("strides", new long[] { 2, 2 })) with { Opsets = [7, 9, 10, 11, 17] },
        Pool(op, "tiles that leave a rest", [2, 2, 7, 8], [2, 3], ("strides", new long[] { 2, 3 })) with { Opsets = [10, 17] },
        Pool(op, "overlap", [2, 2, 7, 6], [3, 3], ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 })) with { Opsets = [7, 9, 11, 17] },
        Pool(op, "stride 1", [2, 2, 5, 6], [3, 3], ("pads", new long[] { 1, 1, 1, 1 })) with { Opsets = [7, 17] },
        Pool(op, "asymmetric pads", [2, 2, 7, 6], [3, 2], ("strides", new long[] { 2, 1 }), ("pads", new long[] { 0, 1, 2, 0 })) with { Opsets = [11, 17] },
        Pool(op, "ceil", [2, 2, 8, 6], [3, 3], ("strides", new long[] { 2, 2 }), ("ceil_mode", 1)) with { Opsets = [10, 11, 17] },
        Pool(op, "same, odd at the end", [2, 2, 8, 7], [3, 2], ("strides", new long[] { 2, 2 }), ("auto_pad", "SAME_UPPER")) with { Opsets = [7, 17] },
        Pool(op, "same, odd at the begin", [2, 2, 8, 7], [3, 2], ("strides", new long[] { 2, 2 }), ("auto_pad", "SAME_LOWER")) with { Opsets = [7, 17] },
        Pool(op, "valid", [2, 2, 8, 7], [3, 2], ("strides", new long[] { 2, 2 }), ("auto_pad", "VALID")),
        Pool(op, "1-D", [2, 3, 9], [3], ("strides", new long[] { 2 })) with { Opsets = [11, 17] },
        Pool(op, "3-D", [2, 2, 5, 4, 4], [3, 2, 2], ("strides", new long[] { 2, 2, 1 })) with { Opsets = [11, 17] },
    ];

    private static GradientCase Pool(string op, string form, long[] shape, long[] kernel, params (string Name, AttributeValue Value)[] attributes) =>
        new(op, form, [shape], (g, x) => g.Node(op, [x[0]], [("kernel_shape", kernel), .. attributes])) { IsBatchFree = true };

    private static GradientCase Global(string op, string form, params (string Name, AttributeValue Value)[] attributes) =>
        new(op, form, [[2, 3, 5, 4]], (g, x) => g.Node(op, [x[0]], attributes)) { Opsets = [7, 8, 11, 17], IsBatchFree = true };
}
