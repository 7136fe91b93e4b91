namespace OnnxGraph.Autodiff;

/// <summary>The pen: each call appends one node, in the form of the model's opset, and gives the name of its
/// value.</summary>
internal sealed partial class Vjp
{
    private ElementType FloatType =>
        facts.Type(node.Outputs[0]) == ElementType.Double || facts.Type(node.Inputs[0]) == ElementType.Double
            ? ElementType.Double
            : ElementType.Float;

    public string Op(string opType, string[] inputs, params ReadOnlySpan<(string Name, AttributeValue Value)> attributes)
    {
        var output = graph.FreshName($"{node.Outputs[0]}_backward_{opType}");
        graph.Append(new(opType, inputs, [output], attributes) { Name = output });
        return output;
    }

    public string Add(string a, string b) => Op("Add", [a, b]);

    public string Sub(string a, string b) => Op("Sub", [a, b]);

    public string Mul(string a, string b) => Op("Mul", [a, b]);

    public string Div(string a, string b) => Op("Div", [a, b]);

    public string Neg(string a) => Op("Neg", [a]);

    public string MatMul(string a, string b) => Op("MatMul", [a, b]);

    /// <summary>1 where a &gt; b, else 0, as a float.</summary>
    public string Greater(string a, string b) => Mask(Op("Greater", [a, b]));

    /// <summary>A boolean value as 0 and 1 of the gradient's type.</summary>
    public string Mask(string boolean) => Op("Cast", [boolean], ("to", (long)FloatType));

    /// <summary>1 where a &gt;= b, else 0, as a float.</summary>
    public string GreaterOrEqual(string a, string b) => Mask(Op("Not", [Op("Less", [a, b])]));

    public string Where(string condition, string a, string b)
    {
        if (Opset >= 9)
        {
            return Op("Where", [condition, a, b]);
        }

        var mask = Mask(condition);
        return Add(Mul(mask, a), Mul(Sub(Scalar(1), mask), b));
    }

    /// <summary>-1, 0 or 1.</summary>
    public string Sign(string a) => Opset >= 9 ? Op("Sign", [a]) : Sub(Greater(a, Scalar(0)), Greater(Scalar(0), a));

    public string Transpose(string value, params long[] permutation) => Op("Transpose", [value], ("perm", permutation));

    /// <summary>A scalar of the gradient's type.</summary>
    public string Scalar(double value) => Constant(
        $"{FloatType} {value:R}",
        () => FloatType == ElementType.Double ? Tensor.Scalar(value) : Tensor.Scalar((float)value));

    /// <summary>A constant of the gradient's type.</summary>
    public string Floats(double[] elements, params long[] shape) =>
        graph.AddInitializer("constant", FloatTensor(elements, shape));

    public string Integers(params long[] elements) =>
        Constant($"[{string.Join(',', elements)}]", () => Tensor.Of(elements, [elements.Length]));

    /// <summary>A constant that other nodes may have asked for before.</summary>
    /// <param name="key">What it is, in full.</param>
    public string Constant(string key, Func<Tensor> tensor) => Once(key, () => graph.AddInitializer("constant", tensor()));

    /// <summary>A value that other nodes may have asked for before; it depends on constants only.</summary>
    /// <inheritdoc cref="Constant(string, Func{Tensor})" path="/param"/>
    public string Once(string key, Func<string> write) =>
        constants.TryGetValue(key, out var name) ? name : constants[key] = write();

    /// <summary>Reshapes to the shape that another value has.</summary>
    public string ReshapeLike(string value, string model)
    {
        var shape = facts.OpenShape(model);
        var isPlain = shape.Count(size => size < 0) <= 1 && !shape.Contains(0);
        return Op("Reshape", [value, isPlain ? Integers(shape) : ShapeOf(model)]);
    }

    /// <summary>Reshapes; -1 for one dimension is allowed.</summary>
    public string Reshape(string value, params long[] shape) => Op("Reshape", [value, Integers(shape)]);

    /// <summary>The shape of a value as a tensor: a constant where it is one.</summary>
    public string ShapeOf(string value)
    {
        var shape = facts.OpenShape(value);
        return shape.Contains(-1) ? Op("Shape", [value]) : Integers(shape);
    }

    /// <summary>Repeats along axes of size 1, to the shape that another value has.</summary>
    public string ExpandLike(string value, string model) =>
        Opset < 8 ? Add(value, ZerosLike(model)) : Op("Expand", [value, ShapeOf(model)]);

    /// <summary>Zeros of the shape that another value has, which must be of the gradient's type where the opset is
    /// old.</summary>
    public string ZerosLike(string model) => Opset < 9
        ? Sub(model, model)
        : Op("ConstantOfShape", [ShapeOf(model)], ("value", FloatTensor([0], 1)));

    /// <summary>Sums over axes; they stay, with size 1, unless told otherwise.</summary>
    public string ReduceSum(string value, long[] axes, bool keep = true) => Opset < 13
        ? Op("ReduceSum", [value], ("axes", axes), ("keepdims", keep))
        : Op("ReduceSum", [value, Integers(axes)], ("keepdims", keep));

    /// <summary>Means over axes; they stay, with size 1.</summary>
    public string ReduceMean(string value, long[] axes) => Opset < 18
        ? Op("ReduceMean", [value], ("axes", axes), ("keepdims", 1))
        : Op("ReduceMean", [value, Integers(axes)], ("keepdims", 1));

    /// <summary>Pads with zeros: amounts before each axis, then behind each; negative ones cut off.</summary>
    public string Pad(string value, params long[] amounts) => Array.TrueForAll(amounts, amount => amount == 0) ? value
        : Opset < 11 ? Op("Pad", [value], ("pads", amounts))
        : Op("Pad", [value, Integers(amounts)]);

    /// <summary>A part of a value, step 1 unless told otherwise.</summary>
    public string Slice(string value, long[] starts, long[] ends, long[] axes, long[]? steps = null) => Opset < 10
        ? Op("Slice", [value], ("starts", starts), ("ends", ends), ("axes", axes))
        : Op("Slice", [
            value, Integers(starts), Integers(ends), Integers(axes), .. steps is null ? (string[])[] : [Integers(steps)]]);

    private Tensor FloatTensor(double[] elements, params long[] shape) => FloatType == ElementType.Double
        ? Tensor.Of(elements, shape)
        : Tensor.Of(Array.ConvertAll(elements, element => (float)element), shape);

    /// <summary>Sums a gradient over the axes along which broadcasting repeated a value.</summary>
    /// <param name="gradient">Of the broadcast shape.</param>
    /// <param name="value">What was broadcast.</param>
    /// <param name="broadcast">A value of the broadcast shape.</param>
    public string Unbroadcast(string gradient, string value, string broadcast)
    {
        var (small, large) = (facts.OpenShape(value), facts.OpenShape(broadcast));
        var missing = large.Length - small.Length;
        var axes = Enumerable.Range(0, large.Length)
            .Where(axis => axis < missing || (small[axis - missing] == 1 && large[axis] != 1))
            .Select(axis => (long)axis)
            .ToArray();
        if (axes.Length == 0)
        {
            return gradient;
        }

        var sum = ReduceSum(gradient, axes);
        return missing == 0 ? sum : ReshapeLike(sum, value);
    }
}
