namespace OnnxGraph.Autodiff;

internal static partial class VjpRules
{
    // Below every float of a network, and finite: times 0 it is 0.
    private const double Lowest = -3e38;

    private static Dictionary<string, VjpRule> Pooling => new()
    {
        ["MaxPool"] = MaxPool,
        ["AveragePool"] = AveragePool,
        ["LpPool"] = LpPool,
        ["GlobalAveragePool"] = GlobalAveragePool,
        ["GlobalMaxPool"] = GlobalMaxPool,
        ["GlobalLpPool"] = GlobalLpPool,
    };

    private static void MaxPool(Vjp at)
    {
        if (!at.Wants(0))
        {
            return;
        }

        if (at.Opset >= 16 && at.Node.Int("storage_order") == 0)
        {
            // Indices count through the whole batch, without padding; windows that overlap may share a maximum.
            var zeros = at.Op("ConstantOfShape", [at.Op("Shape", [at.Reshape(at.X, -1)])]);
            var (indices, gradients) = (at.Reshape(at.Demand(1), -1), at.Reshape(at.G, -1));
            var scattered = at.Op("ScatterElements", [zeros, indices, gradients], ("axis", 0), ("reduction", "add"));
            at.Give(0, at.ReshapeLike(scattered, at.X));
            return;
        }

        at.Give(0, Unrolled(at, Windows.Of(at, at.Node.Ints("kernel_shape")!)));
    }

    /// <summary>One axis after the other, the last one first: all windows side by side, [N * C, window, ...], by a
    /// convolution with kernels that pick one element each; back by its transpose.</summary>
    /// <remarks>Of equal maxima the first one gets the gradient, as ONNX Runtime's Indices have it.</remarks>
    private static string Unrolled(Vjp at, Windows windows)
    {
        var planes = at.Reshape(at.Floating(at.X), [-1, 1, .. windows.Inputs]);
        var choices = new Stack<(Windows Along, string Pick, string IsFirst)>();
        for (var axis = windows.Rank - 1; axis >= 0; axis--)
        {
            var (along, size) = (windows.Along(axis), windows.Kernel[axis]);
            var pick = at.Constant(
                $"pick {string.Join(',', along.Kernel)}", () => Tensor.Of(Identity(size), [size, 1, .. along.Kernel]));
            var elements = at.Op(
                "Conv",
                [at.PadWith(Lowest, planes, along.ToCovered()), pick],
                ("strides", along.Strides),
                ("dilations", along.Dilations));
            planes = at.ReduceMax(elements, [1]);
            var order = at.Floats(
                [.. Enumerable.Range(0, (int)size).Select(i => (double)(size - i))], [size, .. along.Axes(_ => 1)]);
            var ranked = at.Mul(at.GreaterOrEqual(elements, planes), order);
            choices.Push((along, pick, at.GreaterOrEqual(ranked, at.ReduceMax(ranked, [1]))));
        }

        var gradient = at.Reshape(at.G, [-1, 1, .. windows.Outputs]);
        foreach (var (along, pick, isFirst) in choices)
        {
            gradient = at.Pad(Spread(at, at.Mul(gradient, isFirst), pick, along), along.ToPicture());
        }

        return at.ReshapeLike(gradient, at.X);
    }

    private static void AveragePool(Vjp at)
    {
        var kernel = at.Node.Ints("kernel_shape")!;
        var windows = Windows.Of(at, kernel);
        var size = kernel.Aggregate(1L, (product, side) => product * side);
        var counts = at.Floats(ElementsInside(windows), [1, 1, .. windows.Outputs]);
        if (ElementsInside(windows).All(count => count == size))
        {
            at.Give(0, SpreadOver(at, at.Mul(at.G, at.Scalar(1.0 / size)), windows));
            return;
        }

        // What the runtime divides by, padding counted or not, shows in its average of ones.
        var area = (int)windows.Inputs.Aggregate(1L, (product, side) => product * side);
        var ones = at.Floats([.. Enumerable.Repeat(1.0, area)], [1, 1, .. windows.Inputs]);
        at.Give(0, SpreadOver(at, at.Mul(at.G, at.Div(at.Again(ones), counts)), windows));
    }

    private static void LpPool(Vjp at)
    {
        var windows = Windows.Of(at, at.Node.Ints("kernel_shape")!);
        at.Give(0, LpGradient(at, gradient => SpreadOver(at, gradient, windows)));
    }

    private static void GlobalAveragePool(Vjp at)
    {
        var size = at.Facts.Shape(at.X, from: 2).Aggregate(1L, (product, side) => product * side);
        at.Give(0, at.ExpandLike(at.Mul(at.G, at.Scalar(1.0 / size)), at.X));
    }

    private static void GlobalMaxPool(Vjp at)
    {
        // Equal maxima share the gradient.
        var mask = at.GreaterOrEqual(at.X, at.Y);
        var axes = at.Axes(from: 2);
        at.Give(0, at.Mul(mask, at.Div(at.G, at.ReduceSum(mask, axes))));
    }

    private static void GlobalLpPool(Vjp at) => at.Give(0, LpGradient(at, gradient => gradient));

    /// <summary>Of y = (sum |x|^p)^(1/p): sign(x) |x|^(p-1) times y^(1-p).</summary>
    /// <param name="spread">From the output's shape to the input's, or to one that broadcasts to it.</param>
    private static string LpGradient(Vjp at, Func<string, string> spread)
    {
        var p = at.Node.Int("p", 2);
        if (p == 1)
        {
            return at.Mul(at.Sign(at.X), spread(at.G));
        }

        // All zero is a minimum: its gradient is taken for 0.
        var norm = at.Add(at.Y, at.Scalar(1e-30));
        return p == 2
            ? at.Mul(at.X, spread(at.Div(at.G, norm)))
            : at.Mul(
                at.Mul(at.Sign(at.X), at.Op("Pow", [at.Op("Abs", [at.X]), at.Scalar(p - 1)])),
                spread(at.Div(at.G, at.Op("Pow", [norm, at.Scalar(p - 1)]))));
    }

    /// <summary>Adds each element of a feature map to every element of its window.</summary>
    private static string SpreadOver(Vjp at, string map, Windows windows)
    {
        if (windows.Kernel.SequenceEqual(windows.Strides) && windows.Dilations.All(dilation => dilation == 1))
        {
            return at.Pad(at.Enlarge(map, windows.Kernel), windows.ToPicture());
        }

        var count = windows.Kernel.Aggregate(1L, (product, size) => product * size);
        var ones = at.Constant(
            $"ones {string.Join(',', windows.Kernel)}",
            () => Tensor.Of([.. Enumerable.Repeat(1f, (int)count)], [1, 1, .. windows.Kernel]));
        var planes = at.Reshape(map, [-1, 1, .. windows.Outputs]);
        if (windows.HasUnitStrides && windows.MirroredPads().All(amount => amount >= 0))
        {
            var spread = at.Op("Conv", [planes, ones], ("dilations", windows.Dilations), ("pads", windows.MirroredPads()));
            return at.ReshapeLike(spread, at.X);
        }

        return FromPlanes(at, Spread(at, planes, ones, windows), windows);
    }

    /// <summary>From <c>[N * C, 1, what the windows cover]</c> to the shape of the node's input.</summary>
    private static string FromPlanes(Vjp at, string planes, Windows windows) =>
        at.ReshapeLike(at.Pad(planes, windows.ToPicture()), at.X);

    /// <summary>How many elements of each window lie on the picture.</summary>
    private static double[] ElementsInside(Windows windows)
    {
        double[] counts = [1];
        for (var axis = 0; axis < windows.Rank; axis++)
        {
            long Inside(long window) => Enumerable.Range(0, (int)windows.Kernel[axis]).Count(i =>
                (window * windows.Strides[axis]) - windows.Begins[axis] + (i * windows.Dilations[axis]) is var place
                && place >= 0 && place < windows.Inputs[axis]);
            var along = Enumerable.Range(0, (int)windows.Outputs[axis]).Select(window => (double)Inside(window)).ToArray();
            counts = [.. counts.SelectMany(count => along.Select(other => count * other))];
        }

        return counts;
    }

    private static float[] Identity(long size)
    {
        var elements = new float[size * size];
        for (var i = 0L; i < size; i++)
        {
            elements[i * (size + 1)] = 1;
        }

        return elements;
    }
}
