using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

public sealed class QuantizationTests
{
    [Fact]
    public void Weights_behind_a_dequantisation_become_floats()
    {
        var g = new GraphBuilder(13);
        var weights = g.Constant(Tensor.Of((sbyte[])[-128, 0, 2, 127], 2, 2));
        var scale = g.Constant([0.5f, 2f]);
        var zero = g.Constant(Tensor.Of((sbyte[])[2, 1], 2));
        var folded = Fold(g, g.Node("DequantizeLinear", [weights, scale, zero], ("axis", 0)), 2, 2);

        Assert.Equal([-65, -1, 2, 252], folded.ToFloats());
        Assert.Equal([2, 2], folded.Shape);
    }

    [Fact]
    public void Weights_have_one_scale_for_all_or_one_for_each_index_of_the_second_axis()
    {
        var g = new GraphBuilder(10);
        Assert.Equal(
            [0.5f, 127.5f],
            Fold(g, g.Node("DequantizeLinear", [g.Constant(Tensor.Of((byte[])[1, 255])), g.Constant(Tensor.Scalar(0.5f))]), 2).ToFloats());

        g = new GraphBuilder(13);
        var bias = g.Constant(Tensor.Of([1, -2, 3, -4], 2, 2));
        Assert.Equal([1, -4, 3, -8], Fold(g, g.Node("DequantizeLinear", [bias, g.Constant([1f, 2f])]), 2, 2).ToFloats());
    }

    [Fact]
    public void Weights_may_have_a_scale_for_each_block()
    {
        var g = new GraphBuilder(21);
        var weights = g.Constant(Tensor.Of((sbyte[])[1, 2, 3, 4, 5, 6, 7, 8], 2, 4));
        var scale = g.Constant([1f, 10f, 100f, 1000f], 2, 2);

        Assert.Equal(
            [1, 2, 30, 40, 500, 600, 7000, 8000],
            Fold(g, g.Node("DequantizeLinear", [weights, scale], ("axis", 1), ("block_size", 2)), 2, 4).ToFloats());
    }

    [Fact]
    public void Constant_floats_are_rounded_as_the_graph_would_round_them()
    {
        var g = new GraphBuilder(13);
        string[] parameters = [g.Constant(Tensor.Scalar(0.5f)), g.Constant(Tensor.Of((byte[])[10], 1))];
        var quantized = g.Node("QuantizeLinear", [g.Constant([0.25f, 0.75f, -7f, 200f]), .. parameters]);

        // In steps of 0.5: 0.5 to even 0, 1.5 to even 2, and the ends 0 and 255 less 10.
        var graph = Product(g, g.Node("DequantizeLinear", [quantized, .. parameters]), 4);
        var expected = Onnx.Run(graph, Onnx.Array.Of([1f, 1, 1, 1], 4))[0].Floats;
        Quantization.FoldWeights(graph);

        Assert.Equal([0, 1, -5, 122.5f], expected);
        Assert.Equal(expected, graph.Initializers[graph.Nodes.Single().Inputs[1]].ToFloats());
    }

    [Theory]
    [InlineData(10)]
    [InlineData(13)]
    [InlineData(21)]
    public void Gradients_pass_a_quantisation_inside_its_range(int opset)
    {
        var g = new GraphBuilder(opset);
        var x = g.Input("x", ElementType.Float, "N", 5);
        string[] parameters = [g.Constant(Tensor.Scalar(0.1f)), g.Constant(Tensor.Of((byte[])[100], 1))];
        g.Output("y", g.Node("DequantizeLinear", [g.Node("QuantizeLinear", [x, .. parameters]), .. parameters]));

        // From (0 - 100) / 10 to (255 - 100) / 10.
        Assert.Equal([0, 2, 3, 4, 0], Gradient(g.Build(), [-10.2f, -9.9f, 0.033f, 15.4f, 15.7f], [1, 2, 3, 4, 5]));
    }

    [Fact]
    public void Each_channel_has_its_own_range()
    {
        var g = new GraphBuilder(13);
        var x = g.Input("x", ElementType.Float, "N", 2, 2);
        string[] parameters = [g.Constant([0.01f, 1f]), g.Constant(Tensor.Of((sbyte[])[0, 0], 2))];
        g.Output("y", g.Node("DequantizeLinear", [g.Node("QuantizeLinear", [x, .. parameters]), .. parameters]));

        Assert.Equal([1, 0, 3, 4], Gradient(g.Build(), [1, 2, 100, -100], [1, 2, 3, 4], 2, 2));
    }

    [Fact]
    public void Operators_that_move_elements_may_stand_between_the_two()
    {
        var g = new GraphBuilder(13);
        var x = g.Input("x", ElementType.Float, "N", 4);
        string[] parameters = [g.Constant(Tensor.Scalar(0.5f)), g.Constant(Tensor.Of((byte[])[0], 1))];
        var moved = g.Transpose(g.Reshape(g.Node("QuantizeLinear", [x, .. parameters]), 0, 2, 2), 0, 2, 1);
        g.Output("y", g.Node("DequantizeLinear", [g.Concat(1, moved, moved), .. parameters]));

        // Seeds 1 2 3 4 5 6 7 8 by position; those of a copy are transposed: 1 3 2 4 and 5 7 6 8.
        Assert.Equal([6, 10, 8, 0], Gradient(g.Build(), [1, 2, 3, -4], [1, 2, 3, 4, 5, 6, 7, 8], 4, 2));
    }

    [Theory]
    [InlineData(13)]
    [InlineData(17)]
    public void A_pool_may_stand_between_the_two(int opset)
    {
        var g = new GraphBuilder(opset);
        var x = g.Input("x", ElementType.Float, "N", 1, 2, 2);
        string[] parameters = [g.Constant(Tensor.Scalar(0.5f)), g.Constant(Tensor.Of((byte[])[0], 1))];
        g.Output("y", g.Node("DequantizeLinear", [g.MaxPool(g.Node("QuantizeLinear", [x, .. parameters])), .. parameters]));

        Assert.Equal([0, 0, 7, 0], Gradient(g.Build(), [1, 2, 4, 3], [7], 1, 1, 1));
    }

    [Fact]
    public void Arithmetic_in_integers_is_refused_with_a_way_out()
    {
        var g = new GraphBuilder(13);
        var x = g.Input("x", ElementType.Float, 1, 2);
        var scale = g.Constant(Tensor.Scalar(1f));
        var zero = g.Constant(Tensor.Of((byte[])[0], 1));
        var product = g.Node(
            "QLinearMatMul",
            [g.Node("QuantizeLinear", [x, scale, zero]), scale, zero, g.Constant(Tensor.Of((byte[])[1, 2], 2, 1)), scale, zero, scale, zero]);
        g.Output("y", g.Node("DequantizeLinear", [product, scale, zero]));

        var refusal = Assert.Throws<OnnxGraphException>(() => Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With()));
        Assert.Contains("QLinearMatMul", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("occlusion", refusal.Message, StringComparison.Ordinal);
    }

    private static Tensor Fold(GraphBuilder g, string weights, params long[] shape)
    {
        var graph = Product(g, weights, shape);
        Quantization.FoldWeights(graph);
        return graph.Initializers[graph.Nodes.Single().Inputs[1]];
    }

    private static Graph Product(GraphBuilder g, string weights, params long[] shape)
    {
        var x = g.Input("x", ElementType.Float, [.. shape.Select(size => (Dimension)size)]);
        return g.Output("y", g.Mul(x, weights)).Build();
    }

    private static float[] Gradient(Graph graph, float[] x, float[] seed, params long[] seedShape)
    {
        var differentiated = Gradients.Of(graph, new(["y"], ["x"]), Probe.With());
        Assert.True(differentiated.IsBatchFree);
        long[] shape = [1, .. graph.Inputs[0].Shape!.Skip(1).Select(size => size.Size!.Value)];
        return Onnx.Run(
            differentiated.Graph,
            Onnx.Array.Of(x, shape),
            Onnx.Array.Of(seed, [1, .. seedShape.Length == 0 ? shape[1..] : seedShape]))[^1].Floats;
    }
}
