namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Convolutions() =>
    [
        Conv("stride 1", [2, 3, 6, 5], [4, 3, 3, 3], ("pads", new long[] { 1, 1, 1, 1 })) with { Opsets = [7, 11, 17] },
        Conv("1 x 1", [2, 3, 6, 5], [4, 3, 1, 1]),
        Conv("stride 1, asymmetric pads, dilated", [2, 2, 7, 8], [3, 2, 3, 2], ("pads", new long[] { 1, 0, 2, 1 }), ("dilations", new long[] { 2, 1 })),
        Conv("pads beyond the kernel", [2, 2, 5, 5], [3, 2, 2, 2], ("pads", new long[] { 3, 3, 3, 3 })),
        Conv("depthwise", [2, 4, 6, 5], [4, 1, 3, 3], ("pads", new long[] { 1, 1, 1, 1 }), ("group", 4)),
        Conv("grouped", [2, 4, 6, 5], [6, 2, 3, 3], ("group", 2)),
        Conv("grouped, stride 2", [2, 4, 7, 6], [6, 2, 3, 3], ("group", 2), ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 })),
        Conv("stride 2 and 3, asymmetric pads", [2, 2, 9, 10], [3, 2, 3, 4], ("strides", new long[] { 2, 3 }), ("pads", new long[] { 0, 1, 1, 2 })),
        Conv("stride beyond the kernel", [2, 2, 8, 9], [3, 2, 1, 2], ("strides", new long[] { 3, 4 })),
        Conv("stride 2, dilated", [2, 2, 9, 9], [3, 2, 3, 3], ("strides", new long[] { 2, 2 }), ("dilations", new long[] { 2, 2 })),
        Conv("same, odd at the end", [2, 2, 8, 7], [3, 2, 3, 3], ("strides", new long[] { 2, 2 }), ("auto_pad", "SAME_UPPER")),
        Conv("same, odd at the begin", [2, 2, 8, 7], [3, 2, 3, 2], ("auto_pad", "SAME_LOWER")),
        Conv("valid", [2, 2, 8, 7], [3, 2, 3, 2], ("auto_pad", "VALID")),
        Conv("1-D", [2, 3, 9], [4, 3, 3], ("pads", new long[] { 1, 1 })),
        Conv("1-D, stride 2", [2, 3, 9], [4, 3, 3], ("strides", new long[] { 2 })),
        Conv("3-D", [2, 2, 4, 5, 4], [3, 2, 3, 2, 3], ("pads", new long[] { 1, 0, 1, 1, 1, 0 })),
        Conv("3-D, stride 2", [2, 2, 5, 5, 4], [3, 2, 3, 2, 3], ("strides", new long[] { 2, 1, 2 })),
        new("Conv", "computed weights", [[2, 3, 6, 5]], (g, x) => g.Node(
            "Conv", [x[0], g.Node("Neg", [g.Weights(4, 3, 3, 3)])], ("pads", new long[] { 1, 1, 1, 1 }))) { IsBatchFree = true },
        new("Conv", "bias", [[2, 3, 5, 5], [4]], (g, x) => g.Node("Conv", [x[0], g.Weights(4, 3, 3, 3), x[1]])),
        new("Conv", "weights used twice", [[2, 3, 5, 5]], (g, x) =>
        {
            var weights = g.Weights(3, 3, 3, 3);
            return g.Conv(g.Node("Tanh", [g.Conv(x[0], weights, padding: 1)]), weights, padding: 1);
        }),

        ConvTranspose("stride 1", [2, 3, 4, 5], [3, 2, 3, 3]) with { Opsets = [7, 11, 17] },
        ConvTranspose("stride 2, pads", [2, 3, 4, 5], [3, 2, 4, 4], ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 })),
        ConvTranspose("output padding", [2, 3, 4, 5], [3, 2, 3, 3], ("strides", new long[] { 3, 2 }), ("pads", new long[] { 1, 0, 1, 1 }), ("output_padding", new long[] { 2, 1 })),
        ConvTranspose("output shape", [2, 3, 4, 5], [3, 2, 3, 3], ("strides", new long[] { 2, 2 }), ("output_shape", new long[] { 8, 10 })),
        ConvTranspose("output shape, odd at the end", [2, 3, 4, 5], [3, 2, 3, 4], ("strides", new long[] { 2, 2 }), ("output_shape", new long[] { 8, 9 }), ("auto_pad", "SAME_UPPER")),
        ConvTranspose("output shape, odd at the begin", [2, 3, 4, 5], [3, 2, 3, 4], ("strides", new long[] { 2, 2 }), ("output_shape", new long[] { 8, 9 }), ("auto_pad", "SAME_LOWER")),
        ConvTranspose("same", [2, 3, 4, 5], [3, 2, 3, 3], ("strides", new long[] { 2, 2 }), ("auto_pad", "SAME_UPPER")),
        ConvTranspose("valid", [2, 3, 4, 5], [3, 2, 3, 3], ("strides", new long[] { 2, 2 }), ("auto_pad", "VALID")),
        ConvTranspose("grouped, dilated", [2, 4, 4, 5], [4, 3, 2, 3], ("group", 2), ("dilations", new long[] { 2, 1 })),
        ConvTranspose("1-D", [2, 3, 5], [3, 2, 3], ("strides", new long[] { 2 })),
        ConvTranspose("3-D", [2, 2, 3, 4, 3], [2, 2, 2, 3, 2], ("strides", new long[] { 2, 1, 2 })),
    ];

    private static GradientCase Conv(string form, long[] shape, long[] weights, params (string Name, AttributeValue Value)[] attributes) =>
        new("Conv", form, [shape], (g, x) => g.Node("Conv", [x[0], g.Weights(weights)], attributes)) { IsBatchFree = true };

    private static GradientCase ConvTranspose(
        string form, long[] shape, long[] weights, params (string Name, AttributeValue Value)[] attributes) =>
        new("ConvTranspose", form, [shape], (g, x) => g.Node("ConvTranspose", [x[0], g.Weights(weights)], attributes)) { IsBatchFree = true };
}
