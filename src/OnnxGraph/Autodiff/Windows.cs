namespace OnnxGraph.Autodiff;

/// <summary>The windows that a convolution or a pooling slides over a picture, with all paddings resolved; an element
/// for each axis of the picture.</summary>
/// <param name="Inputs">The sizes of the picture.</param>
/// <param name="Outputs">How many windows there are.</param>
/// <param name="Begins">Padding before.</param>
/// <param name="Ends">Padding behind, as the file has it.</param>
internal sealed record Windows(
    long[] Inputs, long[] Outputs, long[] Kernel, long[] Strides, long[] Dilations, long[] Begins, long[] Ends)
{
    public int Rank => Kernel.Length;

    public bool HasUnitStrides => Strides.All(stride => stride == 1);

    /// <summary>How far one window reaches.</summary>
    public long Reach(int axis) => (Dilations[axis] * (Kernel[axis] - 1)) + 1;

    /// <summary>How far all windows reach, from the first element of the padding on.</summary>
    public long Covered(int axis) => ((Outputs[axis] - 1) * Strides[axis]) + Reach(axis);

    /// <summary>How much of the picture and its padding lies behind the last window; negative where windows reach
    /// further, as they may with <c>ceil_mode</c>.</summary>
    public long Rest(int axis) => Inputs[axis] + Begins[axis] + Ends[axis] - Covered(axis);

    /// <summary>The sliding windows of a Conv or a pooling node, from its input to its output.</summary>
    public static Windows Of(Vjp at, IReadOnlyList<long> kernel)
    {
        var rank = kernel.Count;
        var strides = at.Node.Ints("strides")?.ToArray() ?? Repeat(1, rank);
        var dilations = at.Node.Ints("dilations")?.ToArray() ?? Repeat(1, rank);
        var pads = at.Node.Ints("pads")?.ToArray() ?? Repeat(0, 2 * rank);
        var (inputs, outputs) = (at.Facts.Shape(at.X, from: 2), at.Facts.Shape(at.Y, from: 2));
        var windows = new Windows(inputs, outputs, [.. kernel], strides, dilations, pads[..rank], pads[rank..]);
        return at.Node.Text("auto_pad", "NOTSET") switch
        {
            "VALID" => windows with { Begins = Repeat(0, rank), Ends = Repeat(0, rank) },
            "SAME_UPPER" => windows.Same(oddAtEnd: true),
            "SAME_LOWER" => windows.Same(oddAtEnd: false),
            _ => windows,
        };
    }

    /// <summary>The sliding windows of a ConvTranspose node, from its output to its input.</summary>
    public static Windows OfTransposed(Vjp at, IReadOnlyList<long> kernel)
    {
        var rank = kernel.Count;
        var node = at.Node;
        var strides = node.Ints("strides")?.ToArray() ?? Repeat(1, rank);
        var dilations = node.Ints("dilations")?.ToArray() ?? Repeat(1, rank);
        var pads = node.Ints("pads")?.ToArray() ?? Repeat(0, 2 * rank);
        var (inputs, outputs) = (at.Facts.Shape(at.Y, from: 2), at.Facts.Shape(at.X, from: 2));
        var windows = new Windows(inputs, outputs, [.. kernel], strides, dilations, pads[..rank], pads[rank..]);
        var padding = node.Text("auto_pad", "NOTSET");
        if (padding == "VALID")
        {
            return windows with { Begins = Repeat(0, rank), Ends = Repeat(0, rank) };
        }

        if (padding == "NOTSET" && !node.Has("output_shape"))
        {
            return windows;
        }

        // The runtime cuts what exceeds the wanted size from both sides.
        var extra = node.Ints("output_padding")?.ToArray() ?? Repeat(0, rank);
        var excess = windows.Axes(axis => Math.Max(0, windows.Covered(axis) + extra[axis] - inputs[axis]));
        var small = Array.ConvertAll(excess, total => total / 2);
        var large = Array.ConvertAll(excess, total => total - (total / 2));
        return padding == "SAME_UPPER"
            ? windows with { Begins = small, Ends = large }
            : windows with { Begins = large, Ends = small };
    }

    /// <summary>The windows along one axis of a picture whose later axes went through theirs already.</summary>
    public Windows Along(int axis)
    {
        long[] Only(long[] values, long others) => Axes(i => i == axis ? values[i] : others);
        return new(
            Axes(i => i > axis ? Outputs[i] : Inputs[i]),
            Axes(i => i >= axis ? Outputs[i] : Inputs[i]),
            Only(Kernel, 1),
            Only(Strides, 1),
            Only(Dilations, 1),
            Only(Begins, 0),
            Only(Ends, 0));
    }

    /// <summary>Padding amounts for <see cref="Vjp.Pad"/> that bring what the windows cover to the size of the
    /// picture.</summary>
    public long[] ToPicture() =>
        [0, 0, .. Begins.Select(begin => -begin), 0, 0, .. Axes(axis => Inputs[axis] + Begins[axis] - Covered(axis))];

    /// <summary>Padding amounts for <see cref="Vjp.Pad"/> that bring the picture to what the windows cover.</summary>
    public long[] ToCovered() => [.. ToPicture().Select(amount => -amount)];

    /// <summary>Padding with which sliding the mirrored kernel over the gradient gives the picture's size.</summary>
    public long[] MirroredPads() =>
        [.. Axes(axis => Reach(axis) - 1 - Begins[axis]), .. Axes(axis => Reach(axis) - 1 - Ends[axis] + Rest(axis))];

    public long[] Axes(Func<int, long> ofAxis) => [.. Enumerable.Range(0, Rank).Select(ofAxis)];

    private static long[] Repeat(long value, int count) => [.. Enumerable.Repeat(value, count)];

    private Windows Same(bool oddAtEnd)
    {
        var totals = Axes(axis => Math.Max(0, Covered(axis) - Inputs[axis]));
        var small = Array.ConvertAll(totals, total => total / 2);
        var large = Array.ConvertAll(totals, total => total - (total / 2));
        return oddAtEnd ? this with { Begins = small, Ends = large } : this with { Begins = large, Ends = small };
    }
}
