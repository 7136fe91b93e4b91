namespace OnnxGraph.Autodiff;

/// <content>The functions of calculus, element by element.</content>
internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Functions => new()
    {
        ["Exp"] = at => Times(at, at.Y),
        ["Log"] = at => at.Give(0, at.Div(at.G, at.X)),
        ["Sqrt"] = at => at.Give(0, at.Div(at.Mul(at.G, at.Scalar(0.5)), at.Add(at.Y, at.Scalar(1e-12)))),  // finite at 0
        ["Reciprocal"] = at => Times(at, at.Neg(Square(at, at.Y))),
        ["Neg"] = at => at.Give(0, at.Neg(at.G)),
        ["Abs"] = at => Times(at, at.Sign(at.X)),
        ["Erf"] = at => Times(at, at.Mul(at.Op("Exp", [at.Neg(Square(at, at.X))]), at.Scalar(2 / Math.Sqrt(Math.PI)))),
        ["Sin"] = at => Times(at, at.Op("Cos", [at.X])),
        ["Cos"] = at => Times(at, at.Neg(at.Op("Sin", [at.X]))),
        ["Tan"] = at => Times(at, at.Add(at.Scalar(1), Square(at, at.Y))),
        ["Asin"] = at => at.Give(0, at.Div(at.G, OneMinusSquareRoot(at))),
        ["Acos"] = at => at.Give(0, at.Neg(at.Div(at.G, OneMinusSquareRoot(at)))),
        ["Atan"] = at => at.Give(0, at.Div(at.G, at.Add(at.Scalar(1), Square(at, at.X)))),
        ["Sinh"] = at => Times(at, at.Op("Cosh", [at.X])),
        ["Cosh"] = at => Times(at, at.Op("Sinh", [at.X])),
        ["Asinh"] = at => at.Give(0, at.Div(at.G, at.Op("Sqrt", [at.Add(Square(at, at.X), at.Scalar(1))]))),
        ["Acosh"] = at => at.Give(0, at.Div(at.G, at.Op("Sqrt", [at.Sub(Square(at, at.X), at.Scalar(1))]))),
        ["Atanh"] = at => at.Give(0, at.Div(at.G, at.Sub(at.Scalar(1), Square(at, at.X)))),
    };

    private static string OneMinusSquareRoot(Vjp at) => at.Op("Sqrt", [at.Sub(at.Scalar(1), Square(at, at.X))]);
}
