namespace OnnxGraph.Autodiff;

/// <content>Dynamic quantisation: activations become integers just before a product with integer weights. Straight
/// through, as if both were the numbers they stand for; the scale counts as constant.</content>
internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> IntegerProducts => new()
    {
        ["DynamicQuantizeLinear"] = static at => at.Give(0, at.G),
        ["ConvInteger"] = ConvInteger,
        ["MatMulInteger"] = MatMulInteger,
    };

    private static void ConvInteger(Vjp at)
    {
        var weights = CentredWeights(at, channelAxis: 0);
        GiveDescaled(at, ConvBack(at, at.Constant($"centred {at.Node.Inputs[1]}", () => weights), weights));
    }

    private static void MatMulInteger(Vjp at)
    {
        var weights = CentredWeights(at, channelAxis: 1);
        if (weights.Shape.Count != 2)
        {
            throw at.Refuse("its weights are no matrix");
        }

        GiveDescaled(at, at.MatMul(at.G, at.Transpose(at.Constant($"centred {at.Node.Inputs[1]}", () => weights), 1, 0)));
    }

    /// <summary>The product counts in steps of the scale; the gradient of the activations does not.</summary>
    private static void GiveDescaled(Vjp at, string gradient) => at.Give(
        0,
        at.Producer(0) is { } node && node.Is("DynamicQuantizeLinear")
            ? at.Div(gradient, node.Outputs[1])
            : throw at.Refuse("its activations do not come from DynamicQuantizeLinear"));

    /// <summary>The weights less their zero points.</summary>
    private static Tensor CentredWeights(Vjp at, int channelAxis)
    {
        if (at.Constant(1) is not { } weights || (at.Has(3) && at.Constant(3) is null))
        {
            throw at.Refuse("its weights are not constant");
        }

        var (elements, zeros) = (weights.ToFloats(), at.Constant(3)?.ToFloats() ?? [0]);
        var behind = (int)weights.Shape.Skip(channelAxis + 1).Aggregate(1L, (product, size) => product * size);
        for (var i = 0; i < elements.Length; i++)
        {
            elements[i] -= zeros[zeros.Length == 1 ? 0 : i / behind % zeros.Length];
        }

        return Tensor.Of(elements, [.. weights.Shape]);
    }
}
