namespace OnnxGraph;

/// <summary>Chooses the best class inside the graph: an output of scores becomes one byte a place.</summary>
/// <remarks>For 21 classes at 512 x 512 a device then hands back 262 kB and not 22 MB.</remarks>
public static class ClassIds
{
    private const int MostClasses = 256;

    /// <summary>Replaces an output of scores by the index of the highest along an axis, uint8, under the same
    /// name.</summary>
    /// <param name="graph">The graph, changed in place.</param>
    /// <param name="output">The output: floating-point scores of at most 256 classes.</param>
    /// <param name="axis">The axis of the classes, which disappears; 1 in <c>[N, C, H, W]</c>, 3 in <c>[N, H, W,
    /// C]</c>.</param>
    /// <remarks>Of equal scores the lower class wins, as everywhere.</remarks>
    /// <exception cref="OnnxGraphException">There is no such output, or more classes than a byte counts.</exception>
    public static void Fuse(Graph graph, string output, int axis)
    {
        var scores = graph.Outputs.FirstOrDefault(value => value.Name == output)
            ?? throw new OnnxGraphException($"The graph has no output '{output}'.");
        if (scores.Shape is { } declared && (axis >= declared.Count || declared[axis].Size > MostClasses))
        {
            throw new OnnxGraphException(
                $"The output '{scores}' has no axis {axis} of at most {MostClasses} classes to choose from.");
        }

        // 1. The scores become an inner value; the name is free for what is chosen from them.
        var inner = graph.FreshName(output + "_scores");
        graph.Rename(output, inner);
        graph.RemoveOutput(inner);

        // 2. Not every device compares float16.
        var compared = inner;
        if (scores.Type == ElementType.Float16)
        {
            compared = graph.FreshName(inner + "_float");
            graph.Append(new("Cast", [inner], [compared], ("to", (long)ElementType.Float)));
        }

        var chosen = graph.FreshName(output + "_ids");
        graph.Append(new("ArgMax", [compared], [chosen], ("axis", axis), ("keepdims", 0)));
        graph.Append(new("Cast", [chosen], [output], ("to", (long)ElementType.UInt8)));
        graph.AddOutput(new Value(output, ElementType.UInt8, scores.Shape?.Where((_, i) => i != axis).ToArray()));
    }
}
