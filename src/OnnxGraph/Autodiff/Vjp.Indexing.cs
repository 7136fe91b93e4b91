namespace OnnxGraph.Autodiff;

/// <content>Expressions for rules that move elements about.</content>
internal sealed partial class Vjp
{
    /// <summary>An axis counted from the front.</summary>
    public int Axis(long axis, string value) => (int)(axis < 0 ? axis + facts.Rank(value) : axis);

    /// <summary>Axes counted from the front.</summary>
    public long[] Axes(IEnumerable<long> axes, string value) => [.. axes.Select(axis => (long)Axis(axis, value))];

    /// <summary>A value of floats, as it is; one of integers, between two quantisations, as floats.</summary>
    public string Floating(string value) => facts.Type(value) is ElementType.Float or ElementType.Double
        ? value
        : Op("Cast", [value], ("to", (long)FloatType));

    /// <summary>A value whose elements are not negative, with 1 in the place of 0: a divisor.</summary>
    public string OneForZero(string value) => Add(value, GreaterOrEqual(Scalar(0), value));

    /// <summary>Inserts axes of size 1, at these places of the result.</summary>
    public string Unsqueeze(string value, params long[] axes) => Opset < 13
        ? Op("Unsqueeze", [value], ("axes", axes))
        : Op("Unsqueeze", [value, Integers(axes)]);

    /// <summary>Transposes the matrices that the last two axes hold.</summary>
    public string TransposeMatrices(string value, int rank) =>
        Transpose(value, [.. Enumerable.Range(0, rank - 2).Select(axis => (long)axis), rank - 1, rank - 2]);

    /// <summary>The elements along an axis in reverse order; opset 10.</summary>
    public string Reverse(string value, int axis) => Slice(value, [-1], [int.MinValue], [axis], [-1]);

    /// <summary>Puts <paramref name="step"/> - 1 zeros behind each element of an axis.</summary>
    /// <param name="shape">The value's dimensions, at most one of them -1.</param>
    public string Spread(string value, long[] shape, int axis, long step)
    {
        var amounts = new long[2 * (shape.Length + 1)];
        amounts[shape.Length + 1 + axis + 1] = step - 1;
        var spread = shape.ToArray();
        spread[axis] *= step;
        return Reshape(Pad(Unsqueeze(value, axis + 1), amounts), spread);
    }

    /// <summary>The gradient of what picked elements along an axis, duplicates summed.</summary>
    /// <param name="gradient">With as many elements along the axis as were picked.</param>
    /// <param name="picks">A matrix <c>[picked, size]</c> with one 1 in each row.</param>
    public string Unpick(string gradient, int rank, int axis, string picks)
    {
        if (axis == rank - 1)
        {
            return MatMul(gradient, picks);
        }

        if (axis == rank - 2)
        {
            return MatMul(Transpose(picks, 1, 0), gradient);
        }

        var swap = Enumerable.Range(0, rank).Select(i => (long)i).ToArray();
        (swap[axis], swap[rank - 1]) = (swap[rank - 1], swap[axis]);
        return Transpose(MatMul(Transpose(gradient, swap), picks), swap);
    }

    /// <inheritdoc cref="Unpick(string, int, int, string)"/>
    /// <param name="picked">The index of each element picked.</param>
    /// <param name="size">The axis's size before.</param>
    public string Unpick(string gradient, int rank, int axis, long[] picked, long size)
    {
        var picks = new double[picked.Length * size];
        for (var i = 0; i < picked.Length; i++)
        {
            picks[(i * size) + picked[i]] = 1;
        }

        return Unpick(gradient, rank, axis, Floats(picks, picked.Length, size));
    }
}
