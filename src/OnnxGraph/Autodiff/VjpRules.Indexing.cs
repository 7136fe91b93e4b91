namespace OnnxGraph.Autodiff;

/// <content>Parts of a tensor, by position.</content>
internal static partial class VjpRules
{
    // Above this, 0/1 matrices cost more than they save.
    private const long MaxPickedElements = 1 << 22;

    private static Dictionary<string, VjpRule> Indexing => new()
    {
        ["Slice"] = Slice,
        ["Gather"] = Gather,
        ["GatherElements"] = static at => at.Give(0, ScatterAdd(at, "ScatterElements", at.Node.Inputs[1], at.G)),
        ["GatherND"] = GatherND,
        ["ScatterElements"] = static at => Scatter(at, "GatherElements"),
        ["ScatterND"] = static at => Scatter(at, "GatherND"),
        ["TopK"] = TopK,
    };

    private static void Slice(Vjp at)
    {
        var ranges = SlicedRanges(at);
        if (ranges.Any(range => at.Facts.Size(at.Y, range.Axis) == 0))
        {
            return;
        }

        var shape = at.Facts.OpenShape(at.Y);
        var rank = shape.Length;
        var amounts = new long[2 * rank];
        var gradient = at.G;
        foreach (var (axis, start, step) in ranges)
        {
            var (size, count, first) = (at.Facts.Size(at.X, axis), shape[axis], start);
            if (step < 0)
            {
                gradient = at.Reverse(gradient, axis);
                first = start + ((count - 1) * step);
            }

            if (Math.Abs(step) > 1 && count > 1)
            {
                shape = shape.Count(length => length < 0) > 1 ? at.Facts.Shape(at.Y) : shape;
                gradient = at.Spread(gradient, shape, axis, Math.Abs(step));
                shape[axis] = count * Math.Abs(step);
            }

            // The zeros behind the last element may reach over the end.
            amounts[axis] = first;
            amounts[rank + axis] = size - first - shape[axis];
        }

        at.Give(0, at.Pad(gradient, amounts));
    }

    /// <summary>Where each sliced axis starts, counted from the front, and its step. An axis that is kept whole is left
    /// out, so that a batch axis need not have a known size.</summary>
    private static List<(int Axis, long Start, long Step)> SlicedRanges(Vjp at)
    {
        var (starts, ends) = (Numbers(1, "starts")!, Numbers(2, "ends")!);
        var axes = at.Axes(Numbers(3, "axes") ?? [.. starts.Select((_, axis) => (long)axis)], at.X);
        var steps = Numbers(4, "steps") ?? [.. Enumerable.Repeat(1L, starts.Length)];
        var ranges = new List<(int Axis, long Start, long Step)>();
        for (var i = 0; i < starts.Length; i++)
        {
            var axis = (int)axes[i];
            if (starts[i] != 0 || steps[i] != 1 || ends[i] < int.MaxValue)
            {
                var size = at.Facts.Size(at.X, axis);
                var start = starts[i] < 0 ? starts[i] + size : starts[i];
                ranges.Add((axis, Math.Clamp(start, 0, steps[i] > 0 ? size : size - 1), steps[i]));
            }
        }

        return ranges;

        long[]? Numbers(int input, string attribute) =>
            at.Has(input) ? at.Facts.Integers(at.Node.Inputs[input]) : at.Node.Ints(attribute)?.ToArray();
    }

    private static void Gather(Vjp at)
    {
        var (indices, axis, rank) = (at.Node.Inputs[1], at.Axis(at.Node.Int("axis"), at.X), at.Facts.Rank(at.X));

        // With one axis for all the indices.
        var gradient = at.Facts.Rank(indices) switch
        {
            0 => at.Unsqueeze(at.G, axis),
            1 => at.G,
            _ => at.Reshape(at.G, [.. new long[axis], -1, .. at.Facts.Shape(at.X, from: axis + 1)]),
        };
        at.Give(0, at.Facts.IsOfContent(indices)
            ? GatheredAtRunTime(at, gradient, axis, rank)
            : Gathered(at, gradient, axis, rank, at.Facts.Integers(indices)));
    }

    private static string Gathered(Vjp at, string gradient, int axis, int rank, long[] indices)
    {
        var size = at.Facts.Size(at.X, axis);
        var picked = Array.ConvertAll(indices, index => index < 0 ? index + size : index);
        if (picked.Index().All(pick => pick.Item == picked[0] + pick.Index))
        {
            var amounts = new long[2 * rank];
            (amounts[axis], amounts[rank + axis]) = (picked[0], size - picked[0] - picked.Length);
            return at.Pad(gradient, amounts);
        }

        return picked.Length * size <= MaxPickedElements || at.Opset < 16
            ? at.Unpick(gradient, rank, axis, picked, size)
            : GatheredAtRunTime(at, gradient, axis, rank);
    }

    private static string GatheredAtRunTime(Vjp at, string gradient, int axis, int rank)
    {
        var line = Enumerable.Repeat(1L, rank).ToArray();
        line[axis] = -1;
        var indices = at.Op("Expand", [at.Reshape(at.Node.Inputs[1], line), at.Op("Shape", [gradient])]);
        return ScatterAdd(at, "ScatterElements", indices, gradient);
    }

    private static void GatherND(Vjp at)
    {
        var indices = at.Node.Inputs[1];
        var (batchAxes, rank) = (at.Node.Int("batch_dims"), at.Facts.Rank(indices));
        if (batchAxes > 0)
        {
            // Their coordinates become part of the index.
            var one = at.Slice(indices, [0], [1], [rank - 1]);
            var ones = at.Op("ConstantOfShape", [at.Op("Shape", [one])], ("value", Tensor.Of([1L], [1])));
            var coordinates = Enumerable.Range(0, (int)batchAxes)
                .Select(axis => at.Op("CumSum", [ones, at.Integers(axis)], ("exclusive", 1)));
            indices = at.Op("Concat", [.. coordinates, indices], ("axis", (long)rank - 1));
        }

        at.Give(0, ScatterAdd(at, "ScatterND", indices, at.G));
    }

    /// <summary>Adds the gradients up at the places that their indices name.</summary>
    private static string ScatterAdd(Vjp at, string scatter, string indices, string gradient)
    {
        if (at.Opset < 16)
        {
            throw at.Refuse($"adding up at indices needs opset 16, and the model has {at.Opset}");
        }

        string[] inputs = [at.ZerosLike(at.X), indices, gradient];
        return scatter == "ScatterND"
            ? at.Op(scatter, inputs, ("reduction", "add"))
            : at.Op(scatter, inputs, ("reduction", "add"), ("axis", at.Node.Int("axis")));
    }

    private static void Scatter(Vjp at, string gather)
    {
        var reduction = at.Node.Text("reduction", "none");
        if (reduction is not ("none" or "add"))
        {
            throw at.Refuse($"the reduction '{reduction}' is not supported");
        }

        var (indices, updates) = (at.Node.Inputs[1], at.Node.Inputs[2]);
        (string, AttributeValue)[] axis = gather == "GatherElements" ? [("axis", at.Node.Int("axis"))] : [];
        if (at.Wants(0))
        {
            at.Give(0, reduction == "add" ? at.G : at.Op(at.Node.OpType, [at.G, indices, at.ZerosLike(updates)], axis));
        }

        if (at.Wants(2))
        {
            at.Give(2, at.Op(gather, [at.G, indices], axis));
        }
    }

    private static void TopK(Vjp at)
    {
        if (at.Opset < 11)
        {
            throw at.Refuse($"putting gradients at indices needs opset 11, and the model has {at.Opset}");
        }

        if (at.Gradient(0) is { } gradient)
        {
            at.Give(0, at.Op(
                "ScatterElements",
                [at.ZerosLike(at.X), at.Node.Outputs[1], gradient],
                ("axis", at.Node.Int("axis", -1))));
        }
    }
}
