using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

public sealed class GradientsTests
{
    [Fact]
    public void A_gradient_passes_a_relu_where_it_is_positive()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, "N", 4);
        g.Output("y", g.Relu(x), ElementType.Float, "N", 4);

        var differentiated = Gradients.Of(g.Build(), new(["y"], ["x"]), Probe.With());

        Assert.True(differentiated.IsBatchFree);
        var outputs = Onnx.Run(
            differentiated.Graph,
            Onnx.Array.Of([-1, 2, 0, 3], 1, 4),
            Onnx.Array.Of([5, 6, 7, -8], 1, 4));
        Assert.Equal([0, 6, 0, -8], outputs[1].Floats);
    }
}
