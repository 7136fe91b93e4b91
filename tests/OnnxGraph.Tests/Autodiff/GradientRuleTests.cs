using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

/// <summary>What finite differences cannot show: ties, kinks, zeros, and what is refused.</summary>
public sealed class GradientRuleTests
{
    [Fact]
    public void Equal_inputs_share_the_gradient_of_their_maximum()
    {
        var gradients = Run(13, [[1, 5], [1, 3]], (g, x) => g.Node("Max", x));
        Assert.Equal([0.5f, 1], gradients[0]);
        Assert.Equal([0.5f, 0], gradients[1]);
    }

    [Fact]
    public void Equal_elements_share_the_gradient_of_their_maximum() =>
        Assert.Equal([0, 0.5f, 0.5f], Run(13, [[1, 2, 2]], (g, x) => g.Node("ReduceMax", x))[0]);

    [Fact]
    public void A_power_and_a_norm_have_a_gradient_at_zero()
    {
        Assert.Equal([0, 1], Run(13, [[0, 3]], (g, x) => g.Node("Pow", [x[0], g.Constant([0f, 1f])]))[0]);
        Assert.Equal([0, 0], Run(13, [[2, 3]], (g, x) => g.Node("Pow", [g.Constant([0f, 1f]), x[0]]))[0]);
        Assert.Equal([0, 0], Run(13, [[0, 0]], (g, x) => g.Node("ReduceL2", x))[0]);
    }

    [Fact]
    public void Adding_at_indices_is_refused_where_the_opset_cannot_say_it()
    {
        var refusal = Assert.Throws<OnnxGraphException>(() =>
            Run(13, [[1, 2]], (g, x) => g.Node("GatherElements", [x[0], g.Constant([1L, 1])])));
        Assert.Contains("opset 16", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rule_that_has_to_know_the_size_of_the_batch_fixes_it()
    {
        var g = new GraphBuilder(13);
        var x = g.Input("x", ElementType.Float, "N", 2);
        var graph = g.Output("y", g.Node("Gather", [x, g.Constant([0L, 0])], ("axis", 0))).Build();

        var differentiated = Gradients.Of(graph, new(["y"], ["x"]), Probe.With());
        Assert.False(differentiated.IsBatchFree);
        var outputs = Onnx.Run(differentiated.Graph, Onnx.Array.Of([0.5f, 1], 1, 2), Onnx.Array.Of([1f, 2, 3, 4], 2, 2));
        Assert.Equal([4, 6], outputs[1].Floats);
    }

    [Theory]
    [InlineData("ii->i")]
    [InlineData("...i->...i")]
    public void Diagonals_and_ellipses_are_refused(string equation)
    {
        var refusal = Assert.Throws<OnnxGraphException>(() => Run(13, [[1, 2, 3, 4]], (g, x) =>
            g.Node("Einsum", [g.Reshape(x[0], 2, 2)], ("equation", equation))));
        Assert.Contains("Einsum", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>The gradients with respect to all inputs, vectors, of the sum of the output.</summary>
    private static float[][] Run(int opset, float[][] inputs, Func<GraphBuilder, string[], string> build)
    {
        var g = new GraphBuilder(opset);
        var names = inputs.Select((input, i) => g.Input($"x{i}", ElementType.Float, input.Length)).ToArray();
        var graph = g.Output("y", build(g, names)).Build();
        var differentiated = Gradients.Of(graph, new(["y"], names), Probe.With());
        Onnx.Array[] feeds = [.. inputs.Select(input => Onnx.Array.Of(input, input.Length))];
        var y = Onnx.Run(graph, feeds)[0];
        var seed = Onnx.Array.Of([.. y.Floats.Select(_ => 1f)], y.Shape);
        return [.. Onnx.Run(differentiated.Graph, [.. feeds, seed])[1..].Select(output => output.Floats)];
    }
}
