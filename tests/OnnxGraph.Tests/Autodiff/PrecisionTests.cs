using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

public sealed class PrecisionTests
{
    [Fact]
    public void Half_precision_becomes_single_precision_wherever_a_graph_names_it()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float16, 1, 3);
        var weights = g.Constant([(Half)2, (Half)3, (Half)4], 1, 3);
        var attribute = g.Node("Constant", [], ("value", Tensor.Of([(Half)0.5f], 1)));
        var filled = g.Node("ConstantOfShape", [g.Constant([1L, 3])], ("value", Tensor.Of([(Half)10], 1)));
        var cast = g.Node("Cast", [g.Constant([1f, 0, 1], 1, 3)], ("to", (long)ElementType.Float16));
        var product = g.Mul(g.Mul(g.Mul(x, weights), attribute), g.Mul(filled, cast));
        g.Output("y", product, ElementType.Float16, 1, 3);

        var graph = Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With()).Graph;

        Assert.All(graph.Inputs.Concat(graph.Outputs), value => Assert.Equal(ElementType.Float, value.Type));
        var outputs = Onnx.Run(graph, Onnx.Array.Of([1f, 1, 2], 1, 3), Onnx.Array.Of([1f, 1, 1], 1, 3));
        Assert.Equal([10, 0, 40], outputs[0].Floats);
        Assert.Equal([10, 0, 20], outputs[1].Floats);
    }

    [Fact]
    public void Half_precision_in_a_body_is_refused()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 1);
        var body = new GraphBuilder();
        body.Output("z", body.Node("Constant", [], ("value", Tensor.Of([(Half)1], 1))), ElementType.Float16);
        var branch = body.Build();
        var condition = g.Node("Cast", [g.Constant(Tensor.Scalar(1L))], ("to", (long)ElementType.Bool));
        var chosen = g.Node("If", [condition], ("then_branch", branch), ("else_branch", branch));
        g.Output("y", g.Mul(x, g.Node("Cast", [chosen], ("to", (long)ElementType.Float))));

        var refusal = Assert.Throws<OnnxGraphException>(() => Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With()));

        Assert.Contains("half precision", refusal.Message, StringComparison.Ordinal);
    }
}
