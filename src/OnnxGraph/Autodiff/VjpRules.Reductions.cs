namespace OnnxGraph.Autodiff;

/// <content>Sums, means and extremes over axes.</content>
internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Reductions => new()
    {
        ["ReduceSum"] = static at => Reduce(at, static (at, y) => at.ExpandLike(y.Gradient, at.X)),
        ["ReduceMean"] = static at =>
            Reduce(at, static (at, y) => at.ExpandLike(at.Mul(y.Gradient, at.Scalar(1.0 / y.Count(at))), at.X)),
        ["ReduceMax"] = static at =>
            Reduce(at, static (at, y) => ReducedExtreme(at, y, at.GreaterOrEqual(at.X, y.Value))),
        ["ReduceMin"] = static at =>
            Reduce(at, static (at, y) => ReducedExtreme(at, y, at.GreaterOrEqual(y.Value, at.X))),
        ["ReduceProd"] = static at => Reduce(at, ReducedProduct),
        ["ReduceL1"] = static at => Reduce(at, static (at, y) => at.Mul(at.Sign(at.X), y.Gradient), ofOne: false),
        ["ReduceL2"] = static at =>
            Reduce(at, static (at, y) => at.Mul(at.X, at.Div(y.Gradient, at.OneForZero(y.Value))), ofOne: false),
        ["ReduceSumSquare"] = static at =>
            Reduce(at, static (at, y) => at.Mul(at.X, at.Mul(y.Gradient, at.Scalar(2))), ofOne: false),
        ["ReduceLogSum"] = static at => Reduce(
            at, static (at, y) => at.ExpandLike(at.Div(y.Gradient, at.Op("Exp", [y.Value])), at.X), ofOne: false),
        ["ReduceLogSumExp"] = static at =>
            Reduce(at, static (at, y) => at.Mul(at.Op("Exp", [at.Sub(at.X, y.Value)]), y.Gradient), ofOne: false),
        ["CumSum"] = static at => at.Give(0, at.Op(
            "CumSum",
            [at.G, at.Node.Inputs[1]],
            ("exclusive", at.Node.Int("exclusive")),
            ("reverse", 1 - at.Node.Int("reverse")))),
    };

    /// <param name="ofOne">Whether a reduction over no axes is the identity for sure.</param>
    private static void Reduce(Vjp at, Func<Vjp, Reduced, string> gradient, bool ofOne = true)
    {
        var axes = ReducedAxes(at);
        if (axes.Length > 0)
        {
            var keeps = at.Node.Int("keepdims", 1) != 0;
            var (g, y) = keeps ? (at.G, at.Y) : (at.Unsqueeze(at.G, axes), at.Unsqueeze(at.Y, axes));
            at.Give(0, gradient(at, new(axes, g, y)));
        }
        else
        {
            at.Give(0, ofOne ? at.G : throw at.Refuse("it reduces over no axes"));
        }
    }

    /// <summary>The axes, from where the opset has them: an input or an attribute; none given means all or, with
    /// noop_with_empty_axes, none.</summary>
    private static long[] ReducedAxes(Vjp at)
    {
        var axes = at.Has(1) ? at.Facts.Integers(at.Node.Inputs[1]) : [.. at.Node.Ints("axes") ?? []];
        return axes.Length > 0 ? [.. at.Axes(axes, at.X).Order()]
            : at.Node.Int("noop_with_empty_axes") != 0 ? []
            : [.. Enumerable.Range(0, at.Facts.Rank(at.X)).Select(axis => (long)axis)];
    }

    /// <summary>The elements that have the extreme value share the gradient evenly.</summary>
    private static string ReducedExtreme(Vjp at, Reduced y, string isExtreme) =>
        at.Mul(isExtreme, at.Div(y.Gradient, at.ReduceSum(isExtreme, y.Axes)));

    /// <summary>The product of the other elements: right for zeros too, where y / x is not.</summary>
    private static string ReducedProduct(Vjp at, Reduced y)
    {
        var isZero = at.GreaterOrEqual(at.Scalar(0), at.Op("Abs", [at.X]));
        var factors = at.Add(at.X, isZero);
        var product = at.Opset < 18
            ? at.Op("ReduceProd", [factors], ("axes", y.Axes))
            : at.Op("ReduceProd", [factors, at.Integers(y.Axes)]);

        // Zero unless no element is zero, or only this one.
        var zeros = at.ReduceSum(isZero, y.Axes);
        var counts = at.GreaterOrEqual(at.Add(isZero, at.Scalar(0.5)), zeros);
        return at.Mul(at.Div(product, factors), at.Mul(counts, y.Gradient));
    }

    /// <param name="Axes">From the front, ascending; at least one.</param>
    /// <param name="Gradient">Of the output, with the reduced axes kept.</param>
    /// <param name="Value">The output, with the reduced axes kept.</param>
    private sealed record Reduced(long[] Axes, string Gradient, string Value)
    {
        /// <summary>How many elements became one.</summary>
        public long Count(Vjp at) => Axes.Aggregate(1L, (count, axis) => count * at.Facts.Size(at.X, (int)axis));
    }
}
