using Microsoft.ML.OnnxRuntime;
using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

/// <summary>The probe run that differentiation asks for, in ONNX Runtime, on inputs without special values.</summary>
internal static class Probe
{
    /// <param name="sizes">For inputs whose dimensions the file leaves open beside the batch: what to take.</param>
    public static GraphProbe With(params long[][] sizes) => (model, batch) =>
    {
        var graph = Graph.Parse(model);
        var inputs = graph.Inputs.Select((input, i) => Fill(input, i < sizes.Length ? sizes[i] : null, batch)).ToArray();
        try
        {
            var outputs = Onnx.Run(graph, inputs, optimize: false);
            return graph.Outputs.Zip(outputs).ToDictionary(
                pair => pair.First.Name,
                pair => new ProbedValue(pair.Second.Type, pair.Second.Shape, pair.Second.ToTensor()));
        }
        catch (OnnxRuntimeException)
        {
            return null;
        }
    };

    private static Onnx.Array Fill(Value input, long[]? sizes, int batch)
    {
        var shape = input.Shape!.Select((dimension, i) => i == 0 && !dimension.IsFixed ? batch : dimension.Size ?? sizes![i]).ToArray();
        var count = (int)shape.Aggregate(1L, (product, size) => product * size);
        var random = new Random(1);
        return input.Type switch
        {
            ElementType.Double => Onnx.Array.Of(ElementType.Double, [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() + 0.1)], shape),
            ElementType.Float => Onnx.Array.Of([.. Enumerable.Range(0, count).Select(_ => random.NextSingle() + 0.1f)], shape),
            ElementType.Int64 => Onnx.Array.Of(ElementType.Int64, new long[count], shape),
            ElementType.UInt8 => Onnx.Array.Of(new byte[count], shape),
            _ => throw new NotSupportedException($"{input}"),
        };
    }
}
