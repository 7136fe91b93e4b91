namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Indexing() =>
    [
        new("Slice", "by attribute", [[2, 5, 6]], (g, x) => g.Node(
            "Slice", x, ("starts", new long[] { 0, -4, 2 }), ("ends", new long[] { int.MaxValue, -1, 100 })))
        {
            Opsets = [7, 9],
            IsBatchFree = true,
        },
        new("Slice", "", [[2, 5, 6]], Slice([1, -3], [4, long.MaxValue], [1, -1]))
        {
            Opsets = [10, 11, 13],
            IsBatchFree = true,
        },
        new("Slice", "of nothing", [[2, 5]], (g, x) => g.Concat(1, x[0], Slice([3], [3], [1])(g, x))),
        new("Slice", "by twos", [[2, 5, 6]], Slice([0, 1], [int.MaxValue, int.MaxValue], [1, 2], [2, 2]))
        {
            Opsets = [10, 13],
            IsBatchFree = true,
        },
        new("Slice", "by threes from the middle", [[2, 8]], Slice([1], [6], [1], [3])),
        new("Slice", "backwards", [[2, 5]], Slice([-1], [int.MinValue], [1], [-1]))
        {
            Opsets = [10, 13],
            IsBatchFree = true,
        },
        new("Slice", "backwards by twos", [[7, 6]], Slice([5, 100], [0, -100], [0, 1], [-2, -2])),
        new("Slice", "one far", [[2, 5]], Slice([3], [5], [1], [4])),
        new("Gather", "one", [[2, 5, 3]], Gather(1, g => g.Constant(Tensor.Scalar(-2L))))
        {
            Opsets = [7, 11, 13],
            IsBatchFree = true,
        },
        new("Gather", "a run", [[5, 3]], Gather(0, g => g.Constant([1L, 2, 3]))) { Opsets = [7, 13] },
        new("Gather", "on the last axis", [[2, 3, 5]], Gather(-1, g => g.Constant([4L, 0, -1, 2])))
        {
            Opsets = [7, 11, 13],
            IsBatchFree = true,
        },
        new("Gather", "on the axis before the last", [[2, 5, 3]], Gather(1, g => g.Constant([4L, 0, 4])))
        {
            IsBatchFree = true,
        },
        new("Gather", "on the first axis", [[5, 3, 2]], Gather(0, g => g.Constant([4L, 0, 4]))) { Opsets = [7, 13] },
        new("Gather", "by a matrix", [[2, 5, 3]], Gather(1, g => g.Constant([4L, 0, 1, 4, 2, 2], 2, 3)))
        {
            Opsets = [7, 13],
            IsBatchFree = true,
        },
        new("Gather", "where the values say", [[6, 3], [6]], (g, x) => g.Node("Gather", [x[0], TopK(g, x[1], 4)[1]]))
        {
            Opsets = [16, 21],
        },
        new("Gather", "a matrix of places that the values say", [[2, 6, 3], [2, 6]], (g, x) =>
            g.Node("Gather", [x[0], TopK(g, x[1], 2)[1]], ("axis", 1)))
        {
            Opsets = [16],
        },
        new("GatherElements", "", [[2, 5, 3]], (g, x) =>
            g.Node("GatherElements", [x[0], g.Constant([4L, -5, 1, 1, 4, 4], 2, 1, 3)], ("axis", 1)))
        {
            Opsets = [16, 18],
        },
        new("GatherElements", "where the values say", [[2, 6], [2, 6]], (g, x) =>
            g.Node("GatherElements", [x[0], TopK(g, x[1], 3)[1]], ("axis", 1)))
        {
            IsBatchFree = true,
        },
        new("GatherND", "", [[3, 4, 2]], (g, x) => g.Node("GatherND", [x[0], g.Constant([0L, 1, 2, 3, 0, 1], 3, 2)]))
        {
            Opsets = [16, 18],
        },
        new("GatherND", "for each picture", [[2, 4, 3]], (g, x) =>
            g.Node("GatherND", [x[0], g.Constant([0L, 3, 1, 1], 2, 2, 1)], ("batch_dims", 1))),
        new("GatherND", "for each picture, where the values say", [[2, 6, 3], [2, 6]], (g, x) =>
            g.Node("GatherND", [x[0], g.Node("Unsqueeze", [TopK(g, x[1], 2)[1], g.Constant([-1L])])], ("batch_dims", 1)))
        {
            IsBatchFree = true,
        },
        new("ScatterElements", "", [[2, 5], [2, 2]], (g, x) =>
            g.Node("ScatterElements", [x[0], g.Constant([0L, 3, 4, 1], 2, 2), x[1]], ("axis", 1)))
        {
            Opsets = [11, 13, 16],
        },
        new("ScatterElements", "added", [[2, 5], [2, 2]], (g, x) =>
            g.Node("ScatterElements", [x[0], g.Constant([0L, 0, 4, 1], 2, 2), x[1]], ("axis", 1), ("reduction", "add")))
        {
            Opsets = [16, 18],
        },
        new("ScatterND", "", [[4, 3], [2, 3]], (g, x) => g.Node("ScatterND", [x[0], g.Constant([3L, 1], 2, 1), x[1]]))
        {
            Opsets = [11, 13, 16],
        },
        new("ScatterND", "added", [[4, 3], [2, 3]], (g, x) =>
            g.Node("ScatterND", [x[0], g.Constant([3L, 3], 2, 1), x[1]], ("reduction", "add")))
        {
            Opsets = [16, 18],
        },
        new("TopK", "", [[2, 6]], (g, x) => TopK(g, x[0], 3)[0]) { Opsets = [11, 13], IsBatchFree = true },
        new("TopK", "of the smallest", [[6, 2]], (g, x) => g.Node(
            "TopK", [x[0], g.Constant([2L])], 2, ("axis", 0), ("largest", 0))[0]),
    ];

    private static string[] TopK(GraphBuilder g, string x, long count) => g.Node("TopK", [x, g.Constant([count])], 2);

    private static Func<GraphBuilder, string[], string> Slice(long[] starts, long[] ends, long[] axes, long[]? steps = null) => (g, x) => g.Node(
        "Slice",
        [x[0], g.Constant(starts), g.Constant(ends), g.Constant(axes), .. steps is null ? (string[])[] : [g.Constant(steps)]]);

    private static Func<GraphBuilder, string[], string> Gather(long axis, Func<GraphBuilder, string> indices) =>
        (g, x) => g.Node("Gather", [x[0], indices(g)], ("axis", axis));
}
