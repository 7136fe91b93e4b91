using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

/// <summary>Models from the field: from their first float output to their picture.</summary>
public sealed class RealModelTests
{
    /// <summary>What cannot be differentiated, and the operator for which it is refused.</summary>
    private static readonly Dictionary<string, string> Refused = new()
    {
        ["style-mosaic-winml.onnx"] = "Affine", // never was in ONNX
    };

    public static TheoryData<string> Models() => RealModels.All();

    [Theory]
    [MemberData(nameof(Models))]
    public void A_step_along_the_gradient_changes_the_output_by_its_length(string name)
    {
        var graph = Graph.Load(RealModels.Path(name));
        if (graph.Inputs.Count > 1)
        {
            graph.Bind("orig_target_sizes", Tensor.Of([320L, 320], 1, 2));
        }

        var (input, output) = (graph.Inputs[0], graph.Outputs.First(it => it.Type is ElementType.Float or ElementType.Float16).Name);
        long[] shape = [.. input.Shape!.Select((dimension, axis) => dimension.Size ?? (axis == 0 ? 1 : 128))];
        DifferentiatedGraph Differentiate() => Gradients.Of(graph, new([output], [input.Name]), Probe.With(shape));
        if (Refused.TryGetValue(Path.GetFileName(name), out var op))
        {
            var refusal = Assert.Throws<OnnxGraphException>(Differentiate);
            Assert.StartsWith($"Not differentiable: {op} ", refusal.Message, StringComparison.Ordinal);
            return;
        }

        var differentiated = Differentiate();
        var random = new Random(3);
        var x = Array.ConvertAll(new float[Count(shape)], _ => random.NextSingle());
        var seed = Seed(differentiated, random);
        var gradient = Run(x)[differentiated.Gradients[0]].Doubles;
        Assert.All(gradient, element => Assert.True(double.IsFinite(element)));
        if (name.StartsWith("light", StringComparison.Ordinal) || graph.Nodes.Any(node => node.Is("TopK")))
        {
            return; // all weights are alike; or any step changes which candidates are chosen, and their order
        }

        // A quantised network answers in stairs or noise, which takes longer steps to see.
        var (step, low, high) = graph.Nodes.Any(node => node.Is("QuantizeLinear")) ? (1e-2, 0.2, 1.5)
            : graph.Nodes.Any(node => node.Is("DynamicQuantizeLinear")) ? (1e-4, 0.7, 1.3)
            : (1e-5, 0.85, 1.15);
        var (norm, length) = (Norm(gradient), step * Norm(Array.ConvertAll(x, element => (double)element)));
        double Moved(double by) => Run([.. x.Zip(gradient, (a, d) => (float)(a + (by * d / norm)))])[output].Doubles
            .Zip(seed.Doubles, (y, weight) => y * weight).Sum();
        Assert.InRange((Moved(length) - Moved(-length)) / (2 * length * norm), low, high);

        Dictionary<string, Onnx.Array> Run(float[] picture) => differentiated.Graph.Outputs.Select(it => it.Name)
            .Zip(Onnx.Run(differentiated.Graph, Onnx.Array.Of(picture, shape), seed)).ToDictionary(it => it.First, it => it.Second);
    }

    private static Onnx.Array Seed(DifferentiatedGraph differentiated, Random random)
    {
        var input = differentiated.Graph.Inputs.Single(it => it.Name == differentiated.Seeds[0]);
        long[] shape = [.. input.Shape!.Select(dimension => dimension.Size ?? 1)];
        return Onnx.Array.Of(Array.ConvertAll(new float[Count(shape)], _ => random.NextSingle()), shape);
    }

    private static int Count(long[] shape) => (int)shape.Aggregate(1L, (product, size) => product * size);

    private static double Norm(double[] vector) => Math.Sqrt(vector.Sum(element => element * element));
}
