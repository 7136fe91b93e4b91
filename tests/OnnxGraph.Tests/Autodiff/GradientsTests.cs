using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

public sealed class GradientsTests
{
    [Fact]
    public void A_gradient_passes_a_relu_where_it_is_positive() => Assert.Equal([0, 6, 0, -8], ThroughRelu(ReluRule.Gradient));

    [Fact]
    public void Guided_a_gradient_passes_a_relu_where_both_are_positive() => Assert.Equal([0, 6, 0, 0], ThroughRelu(ReluRule.Guided));

    [Fact]
    public void A_deconvnet_looks_at_the_gradient_alone() => Assert.Equal([5, 6, 7, 0], ThroughRelu(ReluRule.Deconvnet));

    [Fact]
    public void A_missing_rule_is_named_with_its_node()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 1, 4, 4);
        g.Output("y", g.Relu(g.Node("Det", [x])));

        var refusal = Assert.Throws<OnnxGraphException>(() => Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With()));

        Assert.StartsWith("Not differentiable: Det (node 'Det')", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_rule_off_the_path_does_no_harm()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 1, 1, 2, 2);
        g.Output("determinant", g.Node("Det", [x]));
        g.Output("y", g.Relu(x));

        Assert.Equal([1, 0, 0, 1], Run(Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With()), [3, -1, -2, 1], [1, 1, 1, 1])[^1]);
    }

    [Fact]
    public void An_unknown_value_is_refused_by_name()
    {
        var g = new GraphBuilder();
        g.Output("y", g.Relu(g.Input("x", ElementType.Float, 4)));
        var refusal = Assert.Throws<OnnxGraphException>(() => Gradients.Of(g.Build(), new(["logits"], ["x"]), Probe.With()));
        Assert.Contains("'logits'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_that_the_picture_decides_are_refused()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 1, 4);
        var size = g.Node("ReduceMax", [g.Node("Cast", [x], ("to", (long)ElementType.Int64))], ("keepdims", 1));
        g.Output("y", g.Node("Slice", [x, g.Constant([0L]), g.Reshape(size, 1), g.Constant([1L])]));

        var refusal = Assert.Throws<OnnxGraphException>(() => Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With()));

        Assert.Contains("depends on what the picture shows", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_body_that_reads_the_picture_is_refused()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 1, 4);
        var body = new GraphBuilder();
        body.Output("z", body.Node("Relu", [x]));
        var branch = body.Build();
        var condition = g.Node("Cast", [g.Constant(Tensor.Scalar(1L))], ("to", (long)ElementType.Bool));
        g.Output("y", g.Node("If", [condition], ("then_branch", branch), ("else_branch", branch)));

        var refusal = Assert.Throws<OnnxGraphException>(() => Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With()));

        Assert.StartsWith("Not differentiable: If ", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_that_is_read_twice_gets_both_gradients()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 2);
        g.Output("y", g.Add(g.Mul(x, x), g.Relu(x)));

        Assert.Equal([7, -4], Run(Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With()), [3, -2], [1, 1])[^1]);
    }

    [Fact]
    public void An_output_that_nobody_reads_has_no_gradient()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 4);
        var parts = g.Node("Split", [x, g.Constant([2L, 2])], outputs: 2);
        g.Output("y", g.Relu(parts[1]));

        Assert.Equal([0, 0, 1, 0], Run(Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With()), [1, 2, 3, -4], [1, 1])[^1]);
    }

    [Fact]
    public void Several_values_get_gradients_in_one_run_and_one_off_the_path_gets_zeros()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 2);
        var (near, off) = (g.Name(g.Relu(x), "near"), g.Name(g.Node("Exp", [x]), "off"));
        g.Output("y", g.Mul(near, near));
        g.Output("other", off);

        var outputs = Run(Gradients.Of(g.Build(), new(["y"], ["near", "x", "off"]), Probe.With()), [3, -2], [1, 1]);

        Assert.Equal([6, 0], outputs[^3]);
        Assert.Equal([6, 0], outputs[^2]);
        Assert.Equal([0, 0], outputs[^1]);
    }

    [Fact]
    public void Several_seeds_add_up()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 2);
        g.Output("y", g.Node("Neg", [x]));
        g.Output("z", g.Mul(x, x));
        var differentiated = Gradients.Of(g.Build(), new(["y", "z"], ["x"]), Probe.With());

        var outputs = Onnx.Run(
            differentiated.Graph, Onnx.Array.Of([3f, 4], 2), Onnx.Array.Of([1f, 0], 2), Onnx.Array.Of([10f, 100], 2));

        Assert.Equal([59, 800], outputs[^1].Floats);
    }

    [Fact]
    public void A_picture_of_bytes_has_a_gradient_of_floats()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.UInt8, 1, 2, 2, 1);
        g.Output("y", g.Node("Cast", [g.Transpose(x, 0, 3, 1, 2)], ("to", (long)ElementType.Float)));
        var differentiated = Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With());

        var outputs = Onnx.Run(differentiated.Graph, Onnx.Array.Of([1, 2, 3, 4], 1, 2, 2, 1), Onnx.Array.Of([5f, 6, 7, 8], 1, 1, 2, 2));

        Assert.Equal((ElementType.Float, 4), (outputs[^1].Type, outputs[^1].Shape.Length));
        Assert.Equal([5, 6, 7, 8], outputs[^1].Floats);
    }

    [Fact]
    public void A_rule_that_must_know_the_batch_makes_it_one()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, "N", 2);
        g.Output("y", g.Node("Conv", [g.Reshape(x, 1, 1, -1), g.Constant([1f, 1], 1, 1, 2)], ("pads", new long[] { 1, 1 })));

        var differentiated = Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With());

        Assert.False(differentiated.IsBatchFree);
        Assert.Equal([1, 2], Run(differentiated, [3, 4], [1, 0, 2], [1, 2], [1, 1, 3])[^1]);
    }

    [Fact]
    public void The_forward_graph_stays_as_it_is()
    {
        var g = new GraphBuilder();
        g.Output("y", g.MaxPool(g.Input("x", ElementType.Float, 1, 1, 4, 4)));
        var graph = g.Build();
        var before = graph.ToBytes();
        Gradients.Of(graph, new(["y"], ["x"]), Probe.With());
        Assert.Equal(before, graph.ToBytes());
    }

    private static float[] ThroughRelu(ReluRule rule)
    {
        var g = new GraphBuilder();
        g.Output("y", g.Relu(g.Input("x", ElementType.Float, "N", 4)));
        var differentiated = Gradients.Of(g.Build(), new(["y"], ["x"]) { Relu = rule }, Probe.With());
        Assert.True(differentiated.IsBatchFree);
        return Run(differentiated, [-1, 2, 0, 3], [5, 6, 7, -8], [1, 4], [1, 4])[^1];
    }

    private static float[][] Run(DifferentiatedGraph differentiated, float[] x, float[] seed) => Run(
        differentiated,
        x,
        seed,
        [.. differentiated.Graph.Inputs[0].Shape!.Select(dimension => dimension.Size!.Value)],
        [.. differentiated.Graph.Inputs[1].Shape!.Select(dimension => dimension.Size!.Value)]);

    private static float[][] Run(DifferentiatedGraph differentiated, float[] x, float[] seed, long[] shape, long[] seedShape) =>
        [.. Onnx.Run(differentiated.Graph, Onnx.Array.Of(x, shape), Onnx.Array.Of(seed, seedShape)).Select(output => output.Floats)];
}
