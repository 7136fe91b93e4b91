namespace OnnxGraph.Autodiff;

/// <content>
/// Straight through: rounding counts as the identity, and the gradient of an integer tensor is by convention that of
/// the numbers it stands for. So operators that only move elements need no rule of their own between the two.
/// </content>
internal static partial class VjpRules
{
    private const string WithoutGradients =
        "explain the model with a method that needs no gradients (EigenCAM, ScoreCAM, occlusion, RISE)";

    private static Dictionary<string, VjpRule> Quantized => new()
    {
        ["QuantizeLinear"] = QuantizeLinear,
        ["DequantizeLinear"] = static at => at.Give(0, at.G),
    };

    private static string WhyNot(Node node) => node.OpType.StartsWith("QLinear", StringComparison.Ordinal)
        ? "it computes with integers; export the model with QuantizeLinear and DequantizeLinear around operators on "
            + $"floats, or {WithoutGradients}"
        : $"there is no rule for this operator; {WithoutGradients}";

    private static void QuantizeLinear(Vjp at)
    {
        var (low, high) = at.Facts.Type(at.Y) switch
        {
            ElementType.UInt4 => (0, 15),
            ElementType.Int4 => (-8, 7),
            ElementType.UInt8 => (0, byte.MaxValue),
            ElementType.Int8 => (sbyte.MinValue, (int)sbyte.MaxValue),
            ElementType.UInt16 => (0, ushort.MaxValue),
            ElementType.Int16 => (short.MinValue, short.MaxValue),
            var type => throw at.Refuse($"quantising to {type} is not supported"),
        };
        if (at.Node.Int("block_size") != 0)
        {
            throw at.Refuse("activations quantised in blocks are not supported");
        }

        // What rounds to the ends of the range still lies inside.
        var steps = at.Div(at.X, PerAxis(at, at.Node.Inputs[1]));
        if (at.Has(2))
        {
            steps = at.Add(steps, PerAxis(at, at.Op("Cast", [at.Node.Inputs[2]], ("to", (long)ElementType.Float))));
        }

        var isInside = at.Op("And", [
            at.Op("Greater", [steps, at.Scalar(low - 0.5)]),
            at.Op("Less", [steps, at.Scalar(high + 0.5)])]);
        at.Give(0, at.Mul(at.G, at.Mask(isInside)));
    }

    /// <summary>A scale or zero point for each element of an axis, with that axis in its place.</summary>
    private static string PerAxis(Vjp at, string parameter)
    {
        var rank = at.Facts.Rank(at.X);
        var shape = Enumerable.Repeat(1L, rank).ToArray();
        if (at.Facts.Rank(at.Node.Inputs[1]) == 0 || rank == 0)
        {
            return parameter;
        }

        if (at.Facts.Size(at.Node.Inputs[1], 0) != 1)
        {
            shape[at.Axis(at.Node.Int("axis", 1), at.X)] = -1;
        }

        return at.Reshape(parameter, shape);
    }
}
