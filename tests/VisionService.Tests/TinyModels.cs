using OnnxGraph;

namespace VisionService.Tests;

/// <summary>Models of a few hundred bytes whose answers can be worked out by hand.</summary>
internal static class TinyModels
{
    /// <summary>
    /// Three classes, one per channel: logit c = ln 8 x the mean of channel c. Under the preset <c>unit</c> a red image has
    /// means (1, 0, 0), so exp of the logits is (8, 1, 1) and the probabilities are .8, .1, .1.
    /// </summary>
    /// <param name="batch">The batch axis: a symbol, or a number that the file fixes.</param>
    public static Graph Colors(Dimension? batch = null, ElementType type = ElementType.Float, bool softmax = false)
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", type, batch ?? "N", 3, 4, 4);
        var logits = Means(g, type == ElementType.Float ? x : g.Node("Cast", [x], ("to", 1)), MathF.Log(8));
        return g.Output("scores", softmax ? g.Softmax(logits) : logits).Build();
    }

    /// <summary>As <see cref="Colors"/>, with channels last.</summary>
    public static Graph ColorsInterleaved()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Transpose(g.Input("pixels", ElementType.Float, "N", 4, 4, 3), 0, 3, 1, 2);
        return g.Output("scores", Means(g, x, MathF.Log(8))).Build();
    }

    /// <summary>Answers with what it sees: score i is element i of its input plus 1000, so that no score is negative.</summary>
    public static Graph Mirror(int channels = 3, int side = 2)
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, "N", channels, side, side);
        return g.Output("scores", g.Add(g.Flatten(x), g.Constant([1000f]))).Build();
    }

    /// <summary>
    /// As <see cref="Colors"/>, and slow where the image is bright: the mean of all channels, 0-1, times
    /// <paramref name="rounds"/> products of two matrices. Black is answered at once.
    /// </summary>
    public static Graph Slow(int rounds)
    {
        var body = new GraphBuilder(opset: 13, name: "round");
        body.Input("round", ElementType.Int64);
        var again = body.Input("again", ElementType.Bool);
        var state = body.Input("state", ElementType.Float, 128, 128);
        body.Output("again_out", again, ElementType.Bool);
        body.Output("state_out", body.Node("MatMul", [state, body.Constant(new float[128 * 128], 128, 128)]), ElementType.Float, 128, 128);

        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, "N", 3, 4, 4);
        var bright = g.Node("ReduceMean", [x], ("keepdims", 0));
        var trips = g.Node("Cast", [g.Mul(bright, g.Constant(Tensor.Of([(float)rounds])))], ("to", 7));
        var last = g.Node(
            "Loop",
            [g.Reshape(trips, 1), "", g.Constant(new float[128 * 128], 128, 128)],
            ("body", body.Build()));
        var nothing = g.Node("ReduceMean", [last], ("keepdims", 0));
        return g.Output("scores", g.Add(Means(g, x, MathF.Log(8)), nothing)).Build();
    }

    /// <summary>NaN as soon as a pixel is not black: 0 / 0 where the image is white, 0 / 1 where it is black.</summary>
    public static Graph NotANumber()
    {
        var g = new GraphBuilder(opset: 13);
        var means = Means(g, g.Input("pixels", ElementType.Float, "N", 3, 4, 4), 1);
        var dark = g.Node("Sub", [g.Constant([1f]), means]);
        return g.Output("scores", g.Node("Div", [g.Node("Sub", [means, means]), dark])).Build();
    }

    public static Graph TwoInputs()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("left", ElementType.Float, "N", 3, 4, 4);
        var y = g.Input("right", ElementType.Float, "N", 3, 4, 4);
        return g.Output("scores", Means(g, g.Add(x, y), 1)).Build();
    }

    /// <summary>Answers with a feature map [N, 3, 4, 4].</summary>
    public static Graph FeatureMap()
    {
        var g = new GraphBuilder(opset: 13);
        return g.Output("map", g.Relu(g.Input("pixels", ElementType.Float, "N", 3, 4, 4))).Build();
    }

    /// <summary>Declares an open batch axis, but always answers with one row: the sum over the batch.</summary>
    public static Graph OneRowForAll()
    {
        var g = new GraphBuilder(opset: 11);
        var means = Means(g, g.Input("pixels", ElementType.Float, "N", 3, 4, 4), 1);
        return g.Output("scores", g.Node("ReduceSum", [means], ("axes", new long[] { 0 }), ("keepdims", 1))).Build();
    }

    public static string Means(GraphBuilder g, string x, float factor) =>
        g.Gemm(g.Flatten(g.GlobalAveragePool(x)), g.Constant([factor, 0, 0, 0, factor, 0, 0, 0, factor], 3, 3), g.Constant(new float[3]));
}
