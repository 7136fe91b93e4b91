namespace OnnxGraph.Batching;

internal static partial class BatchRules
{
    private static Fact? Reshape(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        if (!OnlyFirst(inputs) || inputs.ElementAtOrDefault(1)?.Numbers is not { Length: > 0 } target)
        {
            return null;
        }

        var value = inputs[0]!;
        if (target.Skip(1).Contains(Fact.BatchSize) || node.Int("allowzero") != 0)
        {
            return null;
        }

        var shape = target.Select((size, axis) => size == 0 && axis < value.Rank ? value.Shape![axis] : size).ToArray();
        var rest = Fact.Product(shape.Skip(1).Where(size => size != -1));
        var row = value.Shape!.Length == 0 ? 1 : value.RowCount;
        for (var axis = 1; axis < shape.Length; axis++)
        {
            var open = rest > 0 && row > 0 && value.IsBatched ? row / rest : Fact.Unknown;
            shape[axis] = shape[axis] == -1 ? open : shape[axis];
        }

        if (!value.IsBatched)
        {
            return shape[0] == Fact.BatchSize
                ? null
                : value.WithShape([shape[0] == -1 ? Fact.Unknown : shape[0], .. shape[1..]]);
        }

        // Rows are contiguous: while the first dimension stays the batch, all else is done within rows.
        switch (target[0])
        {
            case 0 or Fact.BatchSize:
                break;
            case 1 when !target.Contains(Fact.Unknown):
                analysis.RetargetReshape(node, target);
                break;
            case -1 when rest > 0 && rest == row:
                break;
            default:
                return null;
        }

        return value.WithShape([1, .. shape[1..]]);
    }

    private static Fact? Flatten(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        return OnlyFirst(inputs) && inputs[0]!.Rank > 1 && AxisOf(node.Int("axis", 1), inputs[0]!.Rank) == 1
            ? inputs[0]!.WithShape(inputs[0]!.Shape![0], inputs[0]!.RowCount)
            : null;
    }

    private static Fact? Transpose(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        if (!OnlyFirst(inputs))
        {
            return null;
        }

        var value = inputs[0]!;
        var order = node.Ints("perm") ?? [.. Enumerable.Range(0, value.Rank).Reverse().Select(axis => (long)axis)];
        return order.Count != value.Rank || (value.IsBatched && order[0] != 0)
            ? null
            : value.WithShape([.. order.Select(axis => value.Shape![axis])]);
    }

    private static Fact? Squeeze(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        if (!OnlyFirst(inputs) || Axes(node, inputs, 1) is not { } listed)
        {
            return null;                        // without axes, a batch of one would vanish and one of two stay
        }

        var value = inputs[0]!;
        var axes = listed.Select(axis => AxisOf(axis, value.Rank)).ToHashSet();
        return value.IsBatched && axes.Contains(0)
            ? null
            : value.WithShape([.. value.Shape!.Where((_, axis) => !axes.Contains(axis))]);
    }

    private static Fact? Unsqueeze(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        if (!OnlyFirst(inputs) || Axes(node, inputs, 1) is not { } listed)
        {
            return null;
        }

        var value = inputs[0]!;
        var rank = value.Rank + listed.Count;
        var axes = listed.Select(axis => AxisOf(axis, rank)).ToHashSet();
        if (value.IsBatched && axes.Contains(0))
        {
            return null;
        }

        var kept = new Queue<long>(value.Shape!);
        return value.WithShape([.. Enumerable.Range(0, rank).Select(axis => axes.Contains(axis) ? 1 : kept.Dequeue())]);
    }

    private static Fact? Concat(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        if (inputs.Any(input => input?.Shape is null)
            || inputs.Any(input => input!.IsBatched != inputs[0]!.IsBatched || input.Rank != inputs[0]!.Rank))
        {
            return null;                        // a constant of one row has no second row to join to
        }

        var axis = AxisOf(node.Int("axis", 1), inputs[0]!.Rank);
        if (inputs[0]!.IsBatched && axis == 0)
        {
            return null;
        }

        var shape = BroadcastShape([.. inputs.Select(input => input!.Shape!)], inputs[0]!.Rank);
        var sizes = inputs.Select(input => input!.Shape![axis]).ToArray();
        shape[axis] = sizes.Any(size => size < 0) ? Fact.Unknown : sizes.Sum();
        return inputs[0]!.WithShape(shape);
    }

    private static Fact? Split(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        if (!OnlyFirst(inputs))
        {
            return null;
        }

        var value = inputs[0]!;
        var axis = AxisOf(node.Int("axis"), value.Rank);
        var sizes = node.Ints("split") ?? inputs.ElementAtOrDefault(1)?.Numbers;
        var parts = node.Outputs.Count;
        var shape = value.Shape!.ToArray();

        // One fact serves all outputs, so parts of different sizes are given as unknown.
        shape[axis] = sizes is null
            ? (shape[axis] > 0 && shape[axis] % parts == 0 && inputs.Length == 1 ? shape[axis] / parts : Fact.Unknown)
            : sizes.Distinct().Count() == 1 ? sizes[0] : Fact.Unknown;
        return value.IsBatched && axis == 0 ? null : value.WithShape(shape);
    }

    private static Fact? Gather(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        if (!OnlyFirst(inputs) || inputs[1]?.Shape is not { } indices)
        {
            return null;
        }

        var value = inputs[0]!;
        var axis = AxisOf(node.Int("axis"), value.Rank);
        return value.IsBatched && axis == 0
            ? null
            : value.WithShape([.. value.Shape![..axis], .. indices, .. value.Shape[(axis + 1)..]]);
    }

    private static Fact? Tile(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        return OnlyFirst(inputs) && inputs[1]?.Numbers is { } repeats && repeats.Length == inputs[0]!.Rank
            && (!inputs[0]!.IsBatched || repeats[0] == 1)
            ? inputs[0]!.WithShape([.. inputs[0]!.Shape!.Zip(repeats, (size, times) => Fact.Product([size, times]))])
            : null;
    }

    private static Fact? Expand(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        return OnlyFirst(inputs) && inputs[1]?.Numbers is { } shape
            ? Broadcast([inputs[0], new(false, shape)])
            : null;
    }
}
