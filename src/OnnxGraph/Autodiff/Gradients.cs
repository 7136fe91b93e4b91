namespace OnnxGraph.Autodiff;

/// <summary>Differentiates a graph into a graph: nodes are appended that compute gradients in the same run.</summary>
/// <remarks>Reverse sweep over a table of rules, one for each operator, written in ONNX's own operators and in the
/// model's own opset, 7 to 21. Weights never get gradients.</remarks>
public static class Gradients
{
    /// <summary>Makes a graph that computes, besides its own outputs, the gradient of <c>sum(seed * value)</c>, summed
    /// over the seeded values, with respect to other values.</summary>
    /// <param name="graph">The forward graph; it stays as it is. In the copy, half precision becomes single precision,
    /// and weights that are stored as integers are dequantised.</param>
    /// <param name="request">What to differentiate, with respect to what.</param>
    /// <param name="probe">Runs the forward graph; once, or twice where the batch axis is free.</param>
    /// <exception cref="OnnxGraphException">A value is unknown, or on the way lies an operator without a rule; the
    /// message names operator and node.</exception>
    public static DifferentiatedGraph Of(Graph graph, GradientRequest request, GraphProbe probe)
    {
        foreach (var value in request.Seeds.Concat(request.WithRespectTo))
        {
            if (graph.Producer(value) is null && graph.Inputs.All(input => input.Name != value))
            {
                throw new OnnxGraphException($"The graph computes no value '{value}' to differentiate.");
            }
        }

        var forward = graph.Clone();
        Precision.Widen(forward);
        Quantization.FoldWeights(forward);
        BackwardSweep.RefuseEarly(forward, request);

        // A batch axis that is free should stay free; where a rule has to know its size, one image at a time it is.
        if (forward.Inputs.All(input => input.Shape is [{ IsFixed: false }, ..])
            && ForwardFacts.OfFreeBatch(forward, probe) is { } free)
        {
            try
            {
                return new BackwardSweep(forward.Clone(), request, free).Append() with { IsBatchFree = true };
            }
            catch (BatchDependentException)
            {
            }
        }

        return new BackwardSweep(forward, request, ForwardFacts.OfFixedBatch(forward, probe)).Append();
    }
}

/// <summary>A graph that computes gradients. Names are in the order of the request.</summary>
/// <param name="Graph">The forward graph with what was appended.</param>
/// <param name="Seeds">Graph inputs to feed besides the forward graph's.</param>
/// <param name="Gradients">Graph outputs to read; each has the shape of its value.</param>
public sealed record DifferentiatedGraph(Graph Graph, IReadOnlyList<string> Seeds, IReadOnlyList<string> Gradients)
{
    /// <summary>Whether runs may have any batch size; else the size is the one of the file, 1 where it names
    /// none.</summary>
    public bool IsBatchFree { get; init; }
}

/// <summary>What to differentiate.</summary>
/// <param name="Seeds">The values whose gradient flows back. Each gets a graph input of its own shape: the gradient of
/// the scalar of interest with respect to it, such as one-hot for a class. Items of a batch stay independent, so a seed
/// for each item gives each item's own gradient.</param>
/// <param name="WithRespectTo">Graph inputs or inner values whose gradient is wanted; the sweep stops at them.</param>
public sealed record GradientRequest(IReadOnlyList<string> Seeds, IReadOnlyList<string> WithRespectTo)
{
    /// <summary>How gradients pass a ReLU. Default: as calculus says.</summary>
    public ReluRule Relu { get; init; }
}

/// <summary>How a gradient passes a ReLU.</summary>
public enum ReluRule
{
    /// <summary>Where the activation is positive.</summary>
    Gradient,

    /// <summary>Where the activation and the gradient are positive (guided backpropagation, Springenberg
    /// 2014).</summary>
    Guided,

    /// <summary>Where the gradient is positive (deconvolutional network, Zeiler and Fergus 2013).</summary>
    Deconvnet,
}

/// <summary>Runs a model once and says what its outputs were. What is fed does not matter, its shape does.</summary>
/// <param name="model">The model's bytes, with every value of interest an output. Graph optimisations must be
/// off.</param>
/// <param name="batch">The size of the inputs' first axis where that is free.</param>
/// <returns>The outputs by name; null where the model cannot run with this batch.</returns>
public delegate IReadOnlyDictionary<string, ProbedValue>? GraphProbe(byte[] model, int batch);

/// <summary>A value as one run had it.</summary>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Elements">Its elements; null where there are more than <see cref="MaxElements"/>.</param>
public sealed record ProbedValue(ElementType Type, IReadOnlyList<long> Shape, Tensor? Elements)
{
    /// <summary>More elements than any index list or shape has.</summary>
    public const int MaxElements = 1 << 16;
}
