using OnnxGraph.Batching;

namespace OnnxGraph;

/// <summary>Opens the batch axis of a model that was exported for one picture at a time.</summary>
public static class BatchAxis
{
    /// <summary>Makes axis 0 of an input, and of all outputs, symbolic, where the graph provably computes each row of a
    /// batch as
    /// it computes a single picture.</summary>
    /// <param name="graph">The graph; changed only where the answer is true.</param>
    /// <param name="inputName">The graph's only input (<see cref="Graph.Bind"/> the others first), of rank 2 or
    /// more.</param>
    /// <returns>True where the axis is symbolic now or was so before (then nothing is changed and the file's word is
    /// taken);
    /// false where an operator mixes rows, moves or breaks axis 0, or is not known to keep it.</returns>
    /// <remarks>
    /// A static analysis that follows axis 0 through the nodes with a rule for each operator. On the way, targets of
    /// Reshape that
    /// name the batch as 1 become 0 (keep), and sizes of Resize take it from their input. It cannot see everything a
    /// runtime does:
    /// compare a run of two with two single runs before relying on it.
    /// </remarks>
    /// <exception cref="OnnxGraphException">There is no such input.</exception>
    public static bool TryMakeDynamic(Graph graph, string inputName)
    {
        var input = graph.Inputs.FirstOrDefault(input => input.Name == inputName)
            ?? throw new OnnxGraphException($"The graph has no input '{inputName}' that a caller feeds.");
        if (input.Shape is not { Count: >= 2 } shape)
        {
            return false;
        }

        if (!shape[0].IsFixed)
        {
            return true;
        }

        if (shape[0].Size != 1 || graph.Inputs.Count != 1 || graph.OpsetVersion < 7)
        {
            return false;
        }

        var analysis = new BatchAnalysis(graph);
        if (!analysis.Follow(input))
        {
            return false;
        }

        analysis.Apply(FreeSymbol(graph));
        return true;
    }

    private static string FreeSymbol(Graph graph)
    {
        var taken = graph.DeclaredValues.SelectMany(value => value.Shape ?? []).Select(dimension => dimension.Symbol)
            .ToHashSet();
        var symbol = "N";
        while (taken.Contains(symbol))
        {
            symbol += "_batch";
        }

        return symbol;
    }
}
