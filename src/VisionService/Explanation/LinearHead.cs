using OnnxGraph;
using OnnxGraph.Autodiff;

namespace VisionService.Explanation;

/// <summary>
/// A head that averages each channel over the picture and mixes the averages linearly. The weights of a class then say
/// what each channel's activation counts for it, in closed form (Zhou et al. 2016): no gradient is needed.
/// </summary>
/// <param name="Feature">The layer that is averaged.</param>
/// <param name="Weights">[classes, K]; null: each class has a channel of its own.</param>
internal sealed record LinearHead(Layer Feature, float[]? Weights)
{
    private static readonly HashSet<string> Carriers = ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Cast", "QuantizeLinear", "DequantizeLinear"];

    /// <summary>The head in front of these scores; null where it is of another kind.</summary>
    /// <param name="logits">Scores before softmax, [1, classes].</param>
    public static LinearHead? Of(Graph graph, NetworkAnatomy anatomy, string logits, int classes)
    {
        graph = graph.Clone();
        Quantization.FoldWeights(graph);

        // 1. Back over what only moves numbers, a bias, and one linear step.
        float[]? weights = null;
        var value = logits;
        while (graph.Producer(value) is { Domain: "" } node)
        {
            if (Carriers.Contains(node.OpType))
            {
                value = node.Inputs[0];
            }
            else if (node.OpType == "Add" && Addend(graph, node) is { } other && weights is null)
            {
                value = other;
            }
            else if (weights is null && Mixes(graph, node, classes) is { } mixed)
            {
                (weights, value) = (mixed, node.Inputs[0]);
            }
            else
            {
                break;
            }
        }

        // 2. There the average over all cells must be.
        if (graph.Producer(value) is not { } pool || !Averages(graph, anatomy, pool) || anatomy.Find(pool.Inputs[0]) is not { } feature)
        {
            return null;
        }

        var channels = feature.Grid!.Channels;
        return weights is null ? (channels == classes ? new LinearHead(feature, null) : null)
            : weights.Length == classes * channels ? new LinearHead(feature, weights) : null;
    }

    /// <summary>What each channel counts for a class.</summary>
    public float[] WeightsOf(int classId)
    {
        var channels = Feature.Grid!.Channels;
        if (Weights is not null)
        {
            return Weights.AsSpan(classId * channels, channels).ToArray();
        }

        var own = new float[channels];
        own[classId] = 1;
        return own;
    }

    /// <summary>The computed one of two addends, where the other is a constant.</summary>
    private static string? Addend(Graph graph, Node add) =>
        graph.Constant(add.Inputs[1]) is not null ? add.Inputs[0]
        : graph.Constant(add.Inputs[0]) is not null ? add.Inputs[1]
        : null;

    /// <summary>The weights [classes, K] of a linear step; null where the node is none.</summary>
    private static float[]? Mixes(Graph graph, Node node, int classes)
    {
        if (node.OpType is not ("Gemm" or "MatMul" or "Conv") || graph.Constant(node.Inputs[1]) is not { } tensor)
        {
            return null;
        }

        var isRowPerClass = node.OpType == "Conv" || (node.OpType == "Gemm" && node.Int("transB") == 1);
        if (tensor.Shape.Count < 2 || tensor.Shape[isRowPerClass ? 0 : 1] != classes
            || tensor.Shape.Skip(2).Any(size => size != 1) || node.Int("transA") == 1 || node.Int("group", 1) != 1)
        {
            return null;
        }

        var weights = tensor.ToFloats();
        var alpha = node.Float("alpha", 1);
        if (isRowPerClass)
        {
            return alpha == 1 ? weights : Array.ConvertAll(weights, weight => weight * alpha);
        }

        var channels = (int)tensor.Shape[0];
        var turned = new float[weights.Length];
        for (var k = 0; k < channels; k++)
        {
            for (var c = 0; c < classes; c++)
            {
                turned[(c * channels) + k] = weights[(k * classes) + c] * alpha;
            }
        }

        return turned;
    }

    private static bool Averages(Graph graph, NetworkAnatomy anatomy, Node node)
    {
        if (anatomy.Find(node.Inputs[0]) is not { Grid: { Layout: not GridLayout.Tokens } grid } layer)
        {
            return false;
        }

        var spatial = grid.Layout == GridLayout.Planar ? new long[] { 2, 3 } : [1, 2];
        return node.OpType switch
        {
            "GlobalAveragePool" => grid.Layout == GridLayout.Planar,
            "ReduceMean" => Axes(graph, node)?.Select(axis => axis < 0 ? axis + layer.Shape.Count : axis).Order().SequenceEqual(spatial) == true,
            "AveragePool" => grid.Layout == GridLayout.Planar && node.Ints("kernel_shape") is [var h, var w]
                && (h, w) == (grid.Height, grid.Width) && node.Ints("pads")?.Any(pad => pad != 0) != true,
            _ => false,
        };
    }

    private static IReadOnlyList<long>? Axes(Graph graph, Node node) =>
        node.Ints("axes") ?? (node.Inputs.Count > 1 ? graph.Constant(node.Inputs[1])?.ToInt64s() : null);
}
