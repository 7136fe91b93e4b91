namespace OnnxGraph.Autodiff;

/// <content>Element by element, with broadcasting.</content>
internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Arithmetic => new()
    {
        ["Add"] = Sum,
        ["Sum"] = Sum,
        ["Mean"] = Mean,
        ["Sub"] = static at =>
        {
            at.GiveBroadcast(0, () => at.G);
            at.GiveBroadcast(1, () => at.Neg(at.G));
        },
        ["Mul"] = static at =>
        {
            at.GiveBroadcast(0, () => at.Mul(at.G, at.Node.Inputs[1]));
            at.GiveBroadcast(1, () => at.Mul(at.G, at.X));
        },
        ["Div"] = static at =>
        {
            at.GiveBroadcast(0, () => at.Div(at.G, at.Node.Inputs[1]));
            at.GiveBroadcast(1, () => at.Neg(at.Div(at.Mul(at.G, at.Y), at.Node.Inputs[1])));
        },
        ["Mod"] = static at =>
        {
            at.GiveBroadcast(0, () => at.G);
            at.GiveBroadcast(1, () => at.Mul(at.G, at.Div(at.Sub(at.Y, at.X), at.Node.Inputs[1])));
        },
        ["Pow"] = static at =>
        {
            at.GiveBroadcast(0, () => at.Mul(at.G, PowerByBase(at)));
            at.GiveBroadcast(1, () => PowerByExponent(at));
        },
        ["Max"] = static at => Extreme(at, x => at.GreaterOrEqual(x, at.Y)),
        ["Min"] = static at => Extreme(at, x => at.GreaterOrEqual(at.Y, x)),
        ["Where"] = static at =>
        {
            at.GiveBroadcast(1, () => at.Where(at.X, at.G, at.Scalar(0)));
            at.GiveBroadcast(2, () => at.Where(at.X, at.Scalar(0), at.G));
        },
    };

    private static void Sum(Vjp at) => ShareOut(at, at.G);

    private static void Mean(Vjp at) => ShareOut(at, at.Mul(at.G, at.Scalar(1.0 / at.Node.Inputs.Count)));

    private static void ShareOut(Vjp at, string share)
    {
        for (var i = 0; i < at.Node.Inputs.Count; i++)
        {
            at.GiveBroadcast(i, () => share);
        }
    }

    /// <summary>The inputs that have the extreme value share the gradient evenly.</summary>
    private static void Extreme(Vjp at, Func<string, string> isExtreme)
    {
        var masks = at.Node.Inputs.Select(isExtreme).ToArray();
        var share = at.Div(at.G, at.Op("Sum", masks));
        for (var i = 0; i < masks.Length; i++)
        {
            at.GiveBroadcast(i, () => at.Mul(share, masks[i]));
        }
    }

    private static string PowerByBase(Vjp at)
    {
        if (at.Constant(1) is { Count: 1 } constant)
        {
            var power = constant.ToFloats()[0];
            return power == 2
                ? at.Mul(at.X, at.Scalar(2))
                : at.Mul(at.Op("Pow", [at.X, at.Scalar(power == 0 ? 0 : power - 1)]), at.Scalar(power));
        }

        var exponent = Exponent(at);
        var oneUnlessZero = at.Greater(at.Op("Abs", [exponent]), at.Scalar(0));
        return at.Mul(exponent, at.Op("Pow", [at.X, at.Sub(exponent, oneUnlessZero)]));
    }

    private static string PowerByExponent(Vjp at)
    {
        // The logarithm of what is not positive counts as 0.
        var positive = at.Greater(at.X, at.Scalar(0));
        var log = at.Op("Log", [at.Add(at.Mul(at.X, positive), at.Sub(at.Scalar(1), positive))]);
        var gradient = at.Mul(at.G, at.Mul(at.Y, log));
        var type = at.Facts.Type(at.Node.Inputs[1]);
        return type == at.Facts.Type(at.X) ? gradient : at.Op("Cast", [gradient], ("to", (long)type));
    }

    /// <summary>The exponent in the type of the base; from opset 12 on it may be another, such as int64.</summary>
    private static string Exponent(Vjp at)
    {
        var (exponent, type) = (at.Node.Inputs[1], at.Facts.Type(at.X));
        return at.Facts.Type(exponent) == type ? exponent : at.Op("Cast", [exponent], ("to", (long)type));
    }
}
