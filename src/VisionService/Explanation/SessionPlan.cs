using OnnxGraph;
using OnnxGraph.Autodiff;
using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>What a session for explaining is to compute beside, or instead of, the model's own outputs.</summary>
/// <param name="Input">The size of its images.</param>
internal sealed record SessionPlan(ModelInput Input)
{
    /// <summary>Inner values to give out.</summary>
    public IReadOnlyList<string> Taps { get; init; } = [];

    /// <summary>Values whose gradient flows back.</summary>
    public IReadOnlyList<string> Seeds { get; init; } = [];

    /// <summary>Values whose gradient is wanted.</summary>
    public IReadOnlyList<string> WithRespectTo { get; init; } = [];

    public ReluRule Relu { get; init; }

    /// <summary>Whether the one seed is made from class ids inside the graph, so that the predicted class needs no run
    /// of its own.</summary>
    public bool SeedsByClass { get; init; }

    /// <summary>Whether the model's own outputs are of no interest.</summary>
    public bool IsPartial { get; init; }

    /// <summary>Equal for plans that give equal sessions.</summary>
    public string Key => string.Join(
        '\n',
        [$"{Input} {Relu} {SeedsByClass} {IsPartial}", .. Taps, "seeds", .. Seeds, "with respect to", .. WithRespectTo]);
}

/// <summary>A session for explaining, and where its inputs and outputs are. Its images are floats 0-255, [C, H, W],
/// RGB.</summary>
internal sealed class ExplainSession : IDisposable
{
    private readonly string[] _outputs;
    private readonly IReadOnlyList<string> _gradients;

    private ExplainSession(ModelSession session, Graph graph, IReadOnlyList<string> gradients, int bytes)
    {
        (Session, _gradients, Bytes) = (session, gradients, bytes);
        _outputs = [.. graph.Outputs.Select(output => output.Name)];
        Inputs =
        [
            .. graph.Inputs.Select(input => new TensorShape(
                (Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)input.Type, [.. input.Shape!.Skip(1).Select(dimension => dimension.Size!.Value)])),
        ];
    }

    public ModelSession Session { get; }

    /// <summary>The image, then a flat seed [L] for each seeded value, or the class and the class against it.</summary>
    public TensorShape[] Inputs { get; }

    /// <summary>What the session takes of memory, about.</summary>
    public long Bytes { get; }

    /// <param name="batch">1, or more where runs may have several images.</param>
    /// <exception cref="OnnxGraphException">An operator on the way has no gradient.</exception>
    public static ExplainSession Open(ExplainSource source, SessionPlan plan, int batch)
    {
        var graph = Forward(source, plan.Input, batch);
        IReadOnlyList<string> gradients = [];
        if (plan.WithRespectTo.Count > 0)
        {
            var differentiated = Differentiate(graph, plan);
            (graph, gradients) = (differentiated.Graph, differentiated.Gradients);
            var rows = graph.Inputs.First(input => input.Name == source.ImageInput).Shape![0].Size;
            foreach (var (seed, value) in differentiated.Seeds.Zip(plan.Seeds))
            {
                SeedNodes.Replace(graph, seed, rows, plan.SeedsByClass ? value : null);
            }
        }

        if (plan.IsPartial)
        {
            foreach (var output in graph.Outputs.Where(output => !gradients.Contains(output.Name)).ToArray())
            {
                graph.RemoveOutput(output.Name);
            }
        }

        foreach (var tap in plan.Taps.Where(tap => !graph.IsOutput(tap)))
        {
            graph.AddOutput(tap);
        }

        graph.Prune();
        var bytes = graph.ToBytes();
        return new ExplainSession(source.OpenSession(bytes), graph, gradients, bytes.Length);
    }

    /// <summary>Whether the gradients of a plan exist, as an exception where they do not.</summary>
    /// <exception cref="OnnxGraphException">An operator on the way has no gradient.</exception>
    public static void Differentiate(ExplainSource source, SessionPlan plan) => Differentiate(Forward(source, plan.Input, batch: 1), plan);

    /// <summary>The model's graph with floats as pixels, for one size of image.</summary>
    public static Graph Forward(ExplainSource source, ModelInput input, int batch)
    {
        var graph = source.OpenGraph();
        var declared = graph.Inputs.First(value => value.Name == source.ImageInput);
        var first = declared.Shape![0];
        graph.Declare(new Value(
            source.ImageInput,
            ElementType.Float,
            [!first.IsFixed && batch == 1 ? 1 : first, input.Channels, input.Height, input.Width]));
        graph.ForgetInnerShapes();
        return graph;
    }

    /// <summary>Where a value is among the outputs.</summary>
    public int Output(string value) => Array.IndexOf(_outputs, value);

    /// <summary>Where a gradient is among the outputs, by its place in the plan.</summary>
    public int Gradient(int index) => Output(_gradients[index]);

    public void Dispose() => Session.Dispose();

    private static DifferentiatedGraph Differentiate(Graph graph, SessionPlan plan) => Gradients.Of(
        graph, new GradientRequest(plan.Seeds, plan.WithRespectTo) { Relu = plan.Relu }, GraphProbes.Run);
}

/// <summary>The probe runs that a graph's analysis asks for.</summary>
internal static class GraphProbes
{
    /// <summary>As differentiation wants it: null where the model cannot run with this batch.</summary>
    public static IReadOnlyDictionary<string, ProbedValue>? Run(byte[] model, int batch)
    {
        try
        {
            return ProbeRun.Run(model, batch, ProbedValue.MaxElements * sizeof(long)).ToDictionary(
                output => output.Key,
                output => new ProbedValue((ElementType)output.Value.Type, output.Value.Shape, Elements(output.Value)));
        }
        catch (Microsoft.ML.OnnxRuntime.OnnxRuntimeException)
        {
            return null;
        }
    }

    /// <summary>All values of a graph, as one run with one image has them.</summary>
    public static IReadOnlyDictionary<string, ProbedValue> RunAll(Graph graph)
    {
        var copy = graph.Clone();
        foreach (var value in copy.Nodes.SelectMany(node => node.Outputs).Where(value => value != "" && !copy.IsOutput(value)).ToArray())
        {
            copy.AddOutput(new Value(value, ElementType.Undefined, null));
        }

        return Run(copy.ToBytes(), 1) ?? throw new OnnxGraphException("The model did not run on a test image.");
    }

    private static Tensor? Elements(ProbedOutput output) => output.Bytes is not { } bytes ? null
        : Tensor.OfBytes((ElementType)output.Type, bytes, output.Shape);
}
