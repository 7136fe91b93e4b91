namespace OnnxGraph.Autodiff;

/// <content>Expressions for feature maps.</content>
internal sealed partial class Vjp
{
    /// <summary>The axes of the node's input from one on.</summary>
    public long[] Axes(int from) => [.. Enumerable.Range(from, facts.Rank(X) - from).Select(axis => (long)axis)];

    /// <summary>The node once more, on another first input.</summary>
    public string Again(string input) => Like([.. node.Attributes], [input, .. node.Inputs.Skip(1)]);

    /// <summary>A node of the same operator with some of the node's attributes.</summary>
    public string Like(string[] attributes, string[] inputs)
    {
        var proto = new Proto.NodeProto { OpType = node.OpType };
        proto.Attribute.AddRange(node.Proto.Attribute.Where(attribute => attributes.Contains(attribute.Name)));
        proto.Output.Add(graph.FreshName($"{Y}_backward_{node.OpType}"));
        proto.Input.AddRange(inputs);
        graph.Append(new(proto));
        return proto.Output[0];
    }

    /// <summary>Maxima over axes, which stay, with size 1.</summary>
    public string ReduceMax(string value, long[] axes) => Opset < 18
        ? Op("ReduceMax", [value], ("axes", axes), ("keepdims", 1))
        : Op("ReduceMax", [value, Integers(axes)], ("keepdims", 1));

    /// <summary>Pads with a number.</summary>
    /// <inheritdoc cref="Pad" path="/param"/>
    public string PadWith(double number, string value, long[] amounts) => Array.TrueForAll(amounts, amount => amount == 0) ? value
        : Opset < 11 ? Op("Pad", [value], ("pads", amounts), ("value", (float)number))
        : Op("Pad", [value, Integers(amounts), Scalar(number)]);

    /// <summary>Repeats each element of a feature map <c>[N, C, ...]</c> along the axes of the picture.</summary>
    public string Enlarge(string value, long[] factors)
    {
        float[] scales = [1, 1, .. factors.Select(factor => (float)factor)];
        string Constant() => this.Constant($"scales {string.Join(',', scales)}", () => Tensor.Of(scales));
        return Opset switch
        {
            < 9 => Op("Upsample", [value], ("scales", scales), ("mode", "nearest")),
            9 => Op("Upsample", [value, Constant()], ("mode", "nearest")),
            10 => Op("Resize", [value, Constant()], ("mode", "nearest")),
            _ => Op(
                "Resize",
                [value, NoRegion, Constant()],
                ("mode", "nearest"),
                ("coordinate_transformation_mode", "asymmetric"),
                ("nearest_mode", "floor")),
        };
    }

    /// <summary>The region of a Resize that does not crop; opset 11 wants one.</summary>
    public string NoRegion => Constant("no region", static () => Tensor.Of(Array.Empty<float>(), 0));
}
