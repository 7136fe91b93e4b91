namespace OnnxGraph.Autodiff;

/// <remarks>From the output where that is possible: ONNX Runtime fuses an activation into the convolution before it
/// only while nobody else reads what lies between.</remarks>
internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Activations => new()
    {
        ["Relu"] = Relu,
        ["Sigmoid"] = static at => at.Give(0, at.Mul(at.G, at.Mul(at.Y, at.Sub(at.Scalar(1), at.Y)))),
    };

    private static void Relu(Vjp at)
    {
        var gradient = at.Relu == ReluRule.Gradient ? at.G : at.Op("Relu", [at.G]);
        at.Give(0, at.Relu == ReluRule.Deconvnet ? gradient : at.Mul(gradient, at.Greater(at.Y, at.Scalar(0))));
    }
}
