namespace OnnxGraph.Batching;

internal static partial class BatchRules
{
    private static Fact? MatMul(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        if (inputs is not [{ Shape: { Length: >= 2 } a } left, { Shape: { Length: >= 2 } b } right])
        {
            return null;
        }

        // In a batched matrix of rank 2 the batch is the rows: fine on the left, the summed axis on the right.
        var rank = Math.Max(a.Length, b.Length);
        var isKept = (left.IsBatched, right.IsBatched) switch
        {
            (true, false) => a.Length == rank && (b.Length < rank || rank == 2 || b[0] == 1),
            (false, true) => b.Length == rank && rank > 2 && (a.Length < rank || a[0] == 1),
            (true, true) => a.Length == b.Length && rank > 2,
            _ => true,
        };
        return isKept
            ? new(left.IsBatched || right.IsBatched, [.. BroadcastShape([a[..^2], b[..^2]], rank - 2), a[^2], b[^1]])
            : null;
    }

    private static Fact? Gemm(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        if (!OnlyFirst(inputs) || inputs[0]!.Rank != 2 || inputs[1]?.Shape is not [var rows, var columns])
        {
            return null;
        }

        var bias = inputs.ElementAtOrDefault(2);
        var biasKeepsRows = bias is null || bias.Rank is 0 or 1 || bias.Shape is [1, _];
        return inputs[0]!.IsBatched && (node.Int("transA") != 0 || !biasKeepsRows)
            ? null
            : inputs[0]!.WithShape(inputs[0]!.Shape![(int)node.Int("transA")], node.Int("transB") != 0 ? rows : columns);
    }

    private static Fact? Reduce(Node node, Fact?[] inputs, IReadOnlyList<long>? listed)
    {
        if (!OnlyFirst(inputs) || listed is not { Count: > 0 })
        {
            return null;                        // without axes all are reduced, the batch among them
        }

        var value = inputs[0]!;
        var axes = listed.Select(axis => AxisOf(axis, value.Rank)).ToHashSet();
        if (value.IsBatched && axes.Contains(0))
        {
            return null;
        }

        return value.WithShape(node.Int("keepdims", 1) != 0
            ? [.. value.Shape!.Select((size, axis) => axes.Contains(axis) ? 1 : size)]
            : [.. value.Shape!.Where((_, axis) => !axes.Contains(axis))]);
    }

    private static Fact? Slice(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        var starts = node.Ints("starts") ?? inputs.ElementAtOrDefault(1)?.Numbers;
        var ends = node.Ints("ends") ?? inputs.ElementAtOrDefault(2)?.Numbers;
        if (!OnlyFirst(inputs) || starts is null || ends is null || starts.Count != ends.Count)
        {
            return null;
        }

        var value = inputs[0]!;
        var hasAxes = node.Has("axes") || node.Inputs.ElementAtOrDefault(3) is { Length: > 0 };
        var hasSteps = node.Inputs.ElementAtOrDefault(4) is { Length: > 0 };
        var axes = hasAxes ? Axes(node, inputs, 3) : [.. Enumerable.Range(0, starts.Count).Select(axis => (long)axis)];
        var steps = hasSteps ? inputs[4]?.Numbers : [.. Enumerable.Repeat(1L, starts.Count)];
        if (axes is null || steps is null)
        {
            return null;
        }

        var shape = value.Shape!.ToArray();
        for (var i = 0; i < axes.Count; i++)
        {
            var axis = AxisOf(axes[i], value.Rank);
            if (value.IsBatched && axis == 0 && (starts[i] != 0 || ends[i] < int.MaxValue || steps[i] != 1))
            {
                return null;
            }

            shape[axis] = value.IsBatched && axis == 0 ? 1 : Sliced(shape[axis], starts[i], ends[i], steps[i]);
        }

        return value.WithShape(shape);
    }

    private static long Sliced(long size, long start, long end, long step)
    {
        if (size < 0 || step != 1 || start == Fact.Unknown || end == Fact.Unknown)
        {
            return Fact.Unknown;
        }

        long Place(long index) => Math.Clamp(index < 0 ? index + size : index, 0, size);
        return Math.Max(0, Place(end) - Place(start));
    }

    private static Fact? Pad(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        var pads = node.Ints("pads") ?? inputs.ElementAtOrDefault(1)?.Numbers;
        if (!OnlyFirst(inputs) || pads is null || pads.Count != 2 * inputs[0]!.Rank || inputs.Length > 3)
        {
            return null;
        }

        var (value, rank) = (inputs[0]!, inputs[0]!.Rank);
        return value.IsBatched && (pads[0] != 0 || pads[rank] != 0)
            ? null
            : value.WithShape([.. value.Shape!.Select((size, i) => Padded(size, pads[i], pads[i + rank]))]);
    }

    private static long Padded(long size, long begin, long end) =>
        size < 0 || begin == Fact.Unknown || end == Fact.Unknown ? Fact.Unknown : size + begin + end;
}
