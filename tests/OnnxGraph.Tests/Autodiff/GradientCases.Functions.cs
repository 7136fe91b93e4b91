namespace OnnxGraph.Tests.Autodiff;

internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Functions() =>
    [
        Unary("Exp", [7, 13]),
        Unary("Log", [7, 13], (0.2, 3)),
        Unary("Sqrt", [7, 13], (0.2, 3)),
        Unary("Reciprocal", [7, 13], (0.2, 3)),
        Unary("Neg", [7, 13]),
        Unary("Abs", [7, 13]),
        Unary("Erf", [9, 13]),
        Unary("Sin", [7]),
        Unary("Cos", [7]),
        Unary("Tan", [7], (-1.2, 1.2)),
        Unary("Asin", [7], (-0.9, 0.9)),
        Unary("Acos", [7], (-0.9, 0.9)),
        Unary("Atan", [7]),
        Unary("Sinh", [9]),
        Unary("Cosh", [9]),
        Unary("Asinh", [9]),
        Unary("Acosh", [9], (1.2, 3)),
        Unary("Atanh", [9], (-0.9, 0.9)),
    ];
}
