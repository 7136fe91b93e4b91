namespace OnnxGraph.Autodiff;

/// <remarks>From the output where that is possible: ONNX Runtime fuses an activation into the convolution before it
/// only while nobody else reads what lies between. At a corner the derivative is that of the flat side, as in
/// PyTorch.</remarks>
internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Activations => new()
    {
        ["Relu"] = Relu,
        ["LeakyRelu"] = LeakyRelu,
        ["PRelu"] = PRelu,
        ["ThresholdedRelu"] = at => at.Give(0, at.Mul(at.G, at.Greater(at.X, at.Scalar(at.Node.Float("alpha", 1))))),
        ["Clip"] = Clip,
        ["Elu"] = at => ExponentialBelowZero(at, above: 1, below: at.Add(at.Y, at.Scalar(at.Node.Float("alpha", 1)))),
        ["Celu"] = at => ExponentialBelowZero(
            at, above: 1, below: at.Add(at.Mul(at.Y, at.Scalar(1 / at.Node.Float("alpha", 1))), at.Scalar(1))),
        ["Selu"] = Selu,
        ["Sigmoid"] = at => Times(at, SigmoidSlope(at, at.Y)),
        ["HardSigmoid"] = HardSigmoid,
        ["Tanh"] = at => Times(at, at.Sub(at.Scalar(1), Square(at, at.Y))),
        ["Softplus"] = at => Times(at, at.Op("Sigmoid", [at.X])),
        ["Softsign"] = at => at.Give(0, at.Div(at.G, Square(at, at.Add(at.Scalar(1), at.Op("Abs", [at.X]))))),
        ["HardSwish"] = HardSwish,
        ["Swish"] = Swish,
        ["Mish"] = Mish,
        ["Gelu"] = Gelu,
        ["Softmax"] = at => at.Give(0, at.Mul(at.Y, at.Sub(at.G, at.ReduceSum(at.Mul(at.G, at.Y), SoftmaxAxes(at))))),
        ["LogSoftmax"] = at => at.Give(
            0, at.Sub(at.G, at.Mul(at.Op("Exp", [at.Y]), at.ReduceSum(at.G, SoftmaxAxes(at))))),
        ["Dropout"] = Dropout,
        ["Identity"] = at => at.Give(0, at.G),
        ["Cast"] = Cast,
        ["CastLike"] = Cast,
    };

    /// <remarks>The variants are for ReLU alone, as their papers have them; a ReLU6 keeps its gradient.</remarks>
    private static void Relu(Vjp at)
    {
        var gradient = at.Relu == ReluRule.Gradient ? at.G : at.Op("Relu", [at.G]);
        at.Give(0, at.Relu == ReluRule.Deconvnet ? gradient : at.Mul(gradient, at.Greater(at.Y, at.Scalar(0))));
    }

    private static void LeakyRelu(Vjp at)
    {
        var alpha = at.Node.Float("alpha", 0.01f);
        var isPositive = at.Op("Greater", [alpha < 0 ? at.X : at.Y, at.Scalar(0)]);
        at.Give(0, at.Where(isPositive, at.G, at.Mul(at.G, at.Scalar(alpha))));
    }

    private static void PRelu(Vjp at)
    {
        var isPositive = at.Op("Greater", [at.X, at.Scalar(0)]);
        if (at.Wants(0))
        {
            at.Give(0, at.Where(isPositive, at.G, at.Mul(at.G, at.Node.Inputs[1])));
        }

        at.GiveBroadcast(1, () => at.Where(isPositive, at.Scalar(0), at.Mul(at.G, at.X)));
    }

    private static void Clip(Vjp at)
    {
        string? Bound(string attribute, int input) => at.Opset >= 11 ? (at.Has(input) ? at.Node.Inputs[input] : null)
            : at.Node.Has(attribute) ? at.Scalar(at.Node.Float(attribute))
            : null;
        var gradient = at.G;
        if (Bound("min", 1) is { } min)
        {
            gradient = at.Mul(gradient, at.Greater(at.Y, min));
        }

        if (Bound("max", 2) is { } max)
        {
            gradient = at.Mul(gradient, at.Greater(max, at.Y));
        }

        at.Give(0, gradient);
    }

    private static void ExponentialBelowZero(Vjp at, double above, string below)
    {
        // With a negative alpha the output says nothing of the input's sign.
        var isPositive = at.Op("Greater", [at.Node.Float("alpha", 1) < 0 ? at.X : at.Y, at.Scalar(0)]);
        at.Give(0, at.Mul(at.G, at.Where(isPositive, at.Scalar(above), below)));
    }

    private static void Selu(Vjp at)
    {
        var (alpha, gamma) = (at.Node.Float("alpha", 1.67326319f), at.Node.Float("gamma", 1.05070102f));
        ExponentialBelowZero(at, gamma, at.Add(at.Y, at.Scalar(alpha * gamma)));
    }

    private static void HardSigmoid(Vjp at)
    {
        var isInside = at.Mul(at.Greater(at.Y, at.Scalar(0)), at.Greater(at.Scalar(1), at.Y));
        at.Give(0, at.Mul(at.Mul(at.G, at.Scalar(at.Node.Float("alpha", 0.2f))), isInside));
    }

    private static void HardSwish(Vjp at)
    {
        var gate = at.Op("HardSigmoid", [at.X], ("alpha", 1 / 6f), ("beta", 0.5f));
        var slope = at.Mul(at.X, at.Scalar(1 / 6.0));
        Times(at, at.Add(gate, at.Mul(slope, at.Greater(at.Scalar(3), at.Op("Abs", [at.X])))));
    }

    private static void Swish(Vjp at)
    {
        var alpha = at.Scalar(at.Node.Float("alpha", 1));
        var gate = at.Op("Sigmoid", [at.Mul(at.X, alpha)]);
        Times(at, at.Add(gate, at.Mul(at.Mul(at.X, alpha), SigmoidSlope(at, gate))));
    }

    private static void Mish(Vjp at)
    {
        var gate = at.Op("Tanh", [at.Op("Softplus", [at.X])]);
        var slope = at.Mul(at.Op("Sigmoid", [at.X]), at.Sub(at.Scalar(1), Square(at, gate)));
        Times(at, at.Add(gate, at.Mul(at.X, slope)));
    }

    private static void Gelu(Vjp at)
    {
        var (half, one) = (at.Scalar(0.5), at.Scalar(1));
        if (at.Node.Text("approximate", "none") == "tanh")
        {
            // t = tanh(c (x + 0.044715 x^3)), y = x (1 + t) / 2
            var (c, square) = (Math.Sqrt(2 / Math.PI), Square(at, at.X));
            var inner = at.Mul(at.X, at.Add(at.Scalar(c), at.Mul(square, at.Scalar(c * 0.044715))));
            var t = at.Op("Tanh", [inner]);
            var slope = at.Add(at.Scalar(c), at.Mul(square, at.Scalar(3 * c * 0.044715)));
            var through = at.Mul(at.Mul(at.X, slope), at.Sub(one, Square(at, t)));
            Times(at, at.Mul(half, at.Add(at.Add(one, t), through)));
            return;
        }

        // Phi(x) + x phi(x), of the normal distribution.
        var below = at.Mul(half, at.Add(one, at.Op("Erf", [at.Mul(at.X, at.Scalar(Math.Sqrt(0.5)))])));
        var bell = at.Op("Exp", [at.Mul(Square(at, at.X), at.Scalar(-0.5))]);
        var density = at.Mul(bell, at.Scalar(1 / Math.Sqrt(2 * Math.PI)));
        Times(at, at.Add(below, at.Mul(at.X, density)));
    }

    private static void Dropout(Vjp at)
    {
        if (at.Has(2) && at.Facts.Integers(at.Node.Inputs[2])[0] != 0)
        {
            throw at.Refuse("it is in training mode");
        }

        at.Give(0, at.G);
    }

    private static void Cast(Vjp at)
    {
        // Integers, such as the bytes of a picture, have gradients of floats.
        var (from, to) = (at.Facts.Type(at.X), at.Facts.Type(at.Y));
        var target = from == ElementType.Double ? ElementType.Double : ElementType.Float;
        at.Give(0, target == to ? at.G : at.Op("Cast", [at.G], ("to", (long)target)));
    }

    /// <summary>Up to opset 12, all axes from the given one on are one.</summary>
    private static long[] SoftmaxAxes(Vjp at)
    {
        var axis = (int)at.Node.Int("axis", at.Opset < 13 ? 1 : -1);
        axis = axis < 0 ? axis + at.Facts.Rank(at.X) : axis;
        return at.Opset < 13 ? at.Axes(from: axis) : [axis];
    }

    private static void Times(Vjp at, string slope) => at.Give(0, at.Mul(at.G, slope));

    private static string SigmoidSlope(Vjp at, string sigmoid) => at.Mul(sigmoid, at.Sub(at.Scalar(1), sigmoid));

    private static string Square(Vjp at, string value) => at.Mul(value, value);
}
