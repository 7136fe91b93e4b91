namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Activations() =>
    [
        Unary("Relu", [7, 13, 17]),
        Unary("LeakyRelu", [7, 9, 16]),
        Unary("LeakyRelu", [7, 16], ("alpha", 0.3f)),
        Unary("LeakyRelu", [16], ("alpha", -0.5f)),
        new("PRelu", "", [[2, 3, 4]], (g, x) => g.Node("PRelu", [x[0], g.Weights(3, 1)])) { Opsets = [7, 9, 16], IsBatchFree = true },
        new("PRelu", "both inputs", [[2, 3, 4], [3, 1]], (g, x) => g.Node("PRelu", x)) { Opsets = [7, 9, 16] },
        Unary("ThresholdedRelu", [10]),
        Unary("ThresholdedRelu", [10], ("alpha", 0.3f)),
        Unary("Clip", [7], ("min", -0.5f), ("max", 1.1f)),
        Unary("Clip", [7], ("max", 1.1f)),
        Unary("Clip", [7, 13]),
        new("Clip", "both", [[2, 3, 4]], (g, x) => g.Node("Clip", [x[0], g.Constant(Tensor.Scalar(-0.5f)), g.Constant(Tensor.Scalar(1.1f))])) { Opsets = [11, 12, 13], IsBatchFree = true },
        new("Clip", "min", [[2, 3, 4]], (g, x) => g.Node("Clip", [x[0], g.Constant(Tensor.Scalar(-0.5f))])) { Opsets = [11, 13] },
        new("Clip", "max", [[2, 3, 4]], (g, x) => g.Node("Clip", [x[0], "", g.Constant(Tensor.Scalar(0.5f))])) { Opsets = [11, 13] },
        new("Clip", "computed", [[2, 3, 4]], (g, x) => g.Node("Clip", [x[0], g.Node("Neg", [g.Constant(Tensor.Scalar(0.5f))])])) { Opsets = [13] },
        Unary("Elu", [7]),
        Unary("Elu", [7, 9], ("alpha", 0.3f)),
        Unary("Elu", [9], ("alpha", -0.3f)),
        Unary("Celu", [12]),
        Unary("Celu", [12], ("alpha", 0.4f)),
        Unary("Selu", [7, 9]),
        Unary("Selu", [9], ("alpha", 0.7f), ("gamma", 1.3f)),
        Unary("Sigmoid", [7, 13]),
        Unary("HardSigmoid", [7]),
        Unary("HardSigmoid", [13], ("alpha", 0.5f), ("beta", 0.4f)),
        Unary("Tanh", [7, 13]),
        Unary("Softplus", [7]),
        Unary("Softsign", [7]),
        new("HardSwish", "", [[2, 4, 6]], (g, x) => g.Node("HardSwish", [x[0]])) { Opsets = [14], Range = (-5, 5) },
        Unary("Mish", [18]),
        Unary("Gelu", [20]),
        Unary("Gelu", [20], ("approximate", "tanh")),
        Unary("Swish", [24], ("alpha", 1.4f)),
        Unary("Softmax", [7, 11, 13]),
        Unary("Softmax", [7, 11, 13], ("axis", 1)),
        Unary("Softmax", [11, 13], ("axis", -1)),
        Unary("LogSoftmax", [7, 11, 13]),
        Unary("LogSoftmax", [7, 11, 13], ("axis", 1)),
        Unary("Dropout", [7, 10, 12, 13]),
        new("Dropout", "not in training", [[2, 3, 4]], (g, x) => g.Node("Dropout", [x[0], g.Constant(Tensor.Scalar(0.4f)), g.Node("Cast", [g.Constant(Tensor.Scalar(0L))], ("to", (long)ElementType.Bool))])) { Opsets = [13] },
        Unary("Identity", [7, 17]),
        new("Cast", "there and back", [[2, 3, 4]], (g, x) => g.Node("Cast", [g.Node("Cast", [x[0]], ("to", (long)ElementType.Double))], ("to", (long)ElementType.Float))) { Opsets = [7, 13] },
        new("CastLike", "", [[2, 3, 4]], (g, x) => g.Node("CastLike", [x[0], g.Constant([1f])])) { Opsets = [15] },
    ];

    private static GradientCase Unary(string op, int[] opsets, params (string Name, AttributeValue Value)[] attributes) =>
        Unary(op, opsets, (-2, 2), attributes);

    private static GradientCase Unary(string op, int[] opsets, (double Low, double High) range, params (string Name, AttributeValue Value)[] attributes) =>
        new(op, $"{string.Join(' ', attributes.Select(it => it.Name))} {string.Join(' ', opsets)}", [[2, 3, 4]], (g, x) => g.Node(op, [x[0]], attributes))
        {
            Opsets = opsets,
            Range = range,
            IsBatchFree = true,
        };
}
