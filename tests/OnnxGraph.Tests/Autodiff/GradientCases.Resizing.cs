namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static readonly string[] Modes = ["nearest", "linear", "cubic"];

    private static readonly string[] Places = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"];

    private static readonly (long Height, long Width)[] Sizes = [(6, 8), (2, 3), (7, 5)];

    private static IEnumerable<GradientCase> Resizing() =>
    [
        new("Upsample", "nearest", [[2, 3, 3, 4]], (g, x) => g.Resize(x[0], 2)) { Opsets = [7, 9], IsBatchFree = true },
        new("Resize", "nearest", [[2, 3, 3, 4]], (g, x) => g.Resize(x[0], 3)) { Opsets = [10, 11, 13, 18, 19], IsBatchFree = true },
        new("Upsample", "nearest, no whole factor", [[2, 3, 3, 4]], (g, x) => Upsample(g, x[0], "nearest", 1.5f, 2.6f)) { Opsets = [7, 9], IsBatchFree = true },
        new("Upsample", "linear", [[2, 3, 3, 4]], (g, x) => Upsample(g, x[0], "linear", 2, 1.6f)) { Opsets = [7, 9], IsBatchFree = true },
        new("Resize", "opset 10, linear", [[2, 3, 5, 4]], (g, x) => Upsample(g, x[0], "linear", 0.6f, 2)) { Opsets = [10], IsBatchFree = true },
        new("Resize", "opset 10, nearest down", [[2, 3, 5, 4]], (g, x) => Upsample(g, x[0], "nearest", 0.6f, 0.5f)) { Opsets = [10], IsBatchFree = true },
        .. from mode in Modes
           from places in Places
           from size in Sizes
           select ResizeTo(mode, places, size.Height, size.Width),
        ResizeBy("linear, scales", [1, 1, 1.3f, 0.7f], ("mode", "linear")) with { Opsets = [11, 13, 17] },
        ResizeBy("cubic, coefficient, only inside", [1, 1, 2, 2.5f], ("mode", "cubic"), ("cubic_coeff_a", -0.5f), ("exclude_outside", 1)),
        ResizeBy("antialiased", [1, 1, 0.4f, 0.5f], ("mode", "linear"), ("antialias", 1)) with { Opsets = [18] },
        ResizeBy("half_pixel_symmetric", [1, 1, 1.3f, 0.7f], ("mode", "linear"), ("coordinate_transformation_mode", "half_pixel_symmetric")) with { Opsets = [19] },
        ResizeBy("nearest, ceil", [1, 1, 2, 3], ("nearest_mode", "ceil"), ("coordinate_transformation_mode", "asymmetric")),
        ResizeBy("nearest, half pixels, floor", [1, 1, 2, 3], ("nearest_mode", "floor")),
        ResizeBy("nearest, half pixels", [1, 1, 2, 4]),
        ResizeBy("axes", [2, 1.5f], ("mode", "linear"), ("axes", new long[] { 2, -1 })) with { Opsets = [18] },
        new("Resize", "1-D", [[2, 3, 5]], (g, x) => g.Node("Resize", [x[0], "", g.Constant([1, 1, 2.5f], 3)], ("mode", "linear"))) { Opsets = [13], IsBatchFree = true },
        new("Resize", "3-D", [[2, 2, 3, 3, 4]], (g, x) => g.Node("Resize", [x[0], "", g.Constant([1, 1, 2.5f, 2, 1.5f], 5)], ("mode", "linear"))) { Opsets = [13], IsBatchFree = true },
        new("Resize", "3-D nearest", [[2, 2, 3, 3, 4]], (g, x) => g.Node("Resize", [x[0], "", g.Constant([1, 1, 2f, 2, 3], 5)])) { Opsets = [13], IsBatchFree = true },
        new("Resize", "keeps the aspect ratio", [[2, 2, 4, 4]], (g, x) => g.Node(
            "Resize", [x[0], "", "", g.Constant([8L, 10])], ("mode", "linear"), ("axes", new long[] { 2, 3 }), ("keep_aspect_ratio_policy", "not_larger"))) { Opsets = [18], IsBatchFree = true },
        new("Resize", "computed sizes", [[2, 3, 3, 4], [2, 1, 5, 7]], (g, x) =>
        {
            var shape = g.Node("Shape", [x[1]]);
            var size = g.Node("Slice", [shape, g.Constant([2L]), g.Constant([4L]), g.Constant([0L])]);
            var own = g.Node("Slice", [g.Node("Shape", [x[0]]), g.Constant([0L]), g.Constant([2L]), g.Constant([0L])]);
            return g.Node("Resize", [x[0], NoScales(g), NoScales(g), g.Concat(0, own, size)], ("mode", "linear"));
        }) { Opsets = [11, 17], IsBatchFree = true },
        new("Resize", "computed scales", [[2, 3, 3, 4], [2, 1, 5, 7]], (g, x) =>
        {
            string Floats(string value) => g.Node("Cast", [g.Node("Shape", [value])], ("to", 1L));
            var ratio = g.Node("Slice", [g.Node("Div", [Floats(x[1]), Floats(x[0])]), g.Constant([2L]), g.Constant([4L]), g.Constant([0L])]);
            return g.Node("Resize", [x[0], NoScales(g), g.Concat(0, g.Constant([1f, 1]), ratio)], ("mode", "linear"));
        }) { Opsets = [11, 17], IsBatchFree = true },
    ];

    /// <summary>For scales, sizes or regions left out, as opset 11 wants them.</summary>
    private static string NoScales(GraphBuilder g) => g.Constant(Array.Empty<float>(), 0);

    private static string Upsample(GraphBuilder g, string x, string mode, float height, float width)
    {
        float[] scales = [1, 1, height, width];
        return g.Opset switch
        {
            < 9 => g.Node("Upsample", [x], ("mode", mode), ("scales", scales)),
            9 => g.Node("Upsample", [x, g.Constant(scales, 4)], ("mode", mode)),
            _ => g.Node("Resize", [x, g.Constant(scales, 4)], ("mode", mode)),
        };
    }

    private static GradientCase ResizeBy(string form, float[] scales, params (string Name, AttributeValue Value)[] attributes) =>
        new("Resize", form, [[2, 2, 5, 6]], (g, x) => g.Node("Resize", [x[0], NoScales(g), g.Constant(scales, scales.Length)], attributes)) { Opsets = [13], IsBatchFree = true };

    private static GradientCase ResizeTo(string mode, string places, long height, long width) =>
        new("Resize", $"{mode}, {places}, to {height} x {width}", [[2, 2, 3, 4]], (g, x) => g.Node(
            "Resize",
            [x[0], NoScales(g), NoScales(g), g.Constant([2L, 2, height, width])],
            ("mode", mode),
            ("coordinate_transformation_mode", places)))
        { Opsets = mode == "linear" ? [11, 17] : [13] };
}
