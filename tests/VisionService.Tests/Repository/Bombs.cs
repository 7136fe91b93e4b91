using OnnxGraph;

namespace VisionService.Tests.Repository;

/// <summary>Small files that cost whoever loads them without care his time or his memory.</summary>
internal static class Bombs
{
    /// <summary>A loop of 2^62 rounds over constants: whether it is folded or run, it does not end.</summary>
    public static Graph Loop()
    {
        var body = new GraphBuilder(opset: 13, name: "round");
        body.Input("round", ElementType.Int64);
        var again = body.Input("again", ElementType.Bool);
        var state = body.Input("state", ElementType.Float, 1);
        body.Output("again_out", again, ElementType.Bool);
        body.Output("state_out", body.Node("Sin", [state]), ElementType.Float, 1);
        return Behind(g => g.Node(
            "Loop",
            [g.Constant(Tensor.Scalar(1L << 62)), "", g.Constant([1f])],
            ("body", body.Build())));
    }

    /// <summary>A constant of 100 GB, asked for at once.</summary>
    public static Graph HugeConstant() => Behind(g => Sum(
        g, g.Node("ConstantOfShape", [g.Constant([25_000_000_000L])], ("value", Tensor.Of([1f])))));

    /// <summary>A constant of 100 GB that grows tenfold, step by step.</summary>
    /// <param name="op">Tile or Expand.</param>
    public static Graph Growing(string op) => Behind(g =>
    {
        var value = g.Constant([1f], 1, 1);
        for (var (i, size) = (0, 10L); i < 11; i++, size *= 10)
        {
            value = op == "Tile"
                ? g.Node("Tile", [value, g.Constant([10L, 1])])
                : g.Node("Expand", [g.Reshape(value, -1, 1), g.Constant([size / 10, 10])]);
        }

        return Sum(g, value);
    });

    /// <summary>Constants of 40 MB, each computed from the one before and all needed to the end.</summary>
    public static Graph Many() => Behind(g =>
    {
        var value = g.Node("ConstantOfShape", [g.Constant([10_000_000L])], ("value", Tensor.Of([1f])));
        var all = new List<string>();
        for (var i = 0; i < 1000; i++)
        {
            all.Add(value = g.Node("Cos", [value]));
        }

        return Sum(g, g.Node("Concat", all, ("axis", 0)));
    });

    /// <summary>The colour classifier, a number without meaning added to its scores.</summary>
    private static Graph Behind(Func<GraphBuilder, string> number)
    {
        var g = new GraphBuilder(opset: 13);
        var means = TinyModels.Means(g, g.Input("pixels", ElementType.Float, "N", 3, 4, 4), 1);
        return g.Output("scores", g.Add(means, number(g))).Build();
    }

    private static string Sum(GraphBuilder g, string value) => g.Node("ReduceMean", [value], ("keepdims", 0));
}
