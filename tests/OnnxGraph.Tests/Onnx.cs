using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests;

/// <summary>Runs models in ONNX Runtime, on one thread so that two runs add in the same order.</summary>
internal static class Onnx
{
    /// <summary>An array for a run's input or output, with its shape.</summary>
    public sealed record Array(ElementType Type, long[] Shape, byte[] Bytes)
    {
        public static Array Of<T>(ElementType type, T[] elements, params long[] shape)
            where T : unmanaged => new(type, shape, MemoryMarshal.AsBytes(elements.AsSpan()).ToArray());

        public static Array Of(float[] elements, params long[] shape) => Of(ElementType.Float, elements, shape);

        public static Array Of(byte[] elements, params long[] shape) => Of(ElementType.UInt8, elements, shape);

        public float[] Floats => Type switch
        {
            ElementType.Float => MemoryMarshal.Cast<byte, float>(Bytes).ToArray(),
            ElementType.Double => System.Array.ConvertAll(MemoryMarshal.Cast<byte, double>(Bytes).ToArray(), number => (float)number),
            ElementType.Float16 => System.Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(Bytes).ToArray(), half => (float)half),
            ElementType.Int64 => System.Array.ConvertAll(MemoryMarshal.Cast<byte, long>(Bytes).ToArray(), number => (float)number),
            ElementType.Int32 => System.Array.ConvertAll(MemoryMarshal.Cast<byte, int>(Bytes).ToArray(), number => (float)number),
            ElementType.UInt8 or ElementType.Bool => System.Array.ConvertAll(Bytes, number => (float)number),
            _ => throw new NotSupportedException($"{Type}"),
        };

        public double[] Doubles => Type == ElementType.Double
            ? MemoryMarshal.Cast<byte, double>(Bytes).ToArray()
            : System.Array.ConvertAll(Floats, number => (double)number);

        /// <summary>The array as a constant; null where it is large or of a rare type.</summary>
        public Tensor? ToTensor() => Bytes.Length > ProbedValue.MaxElements * 8 ? null : Type switch
        {
            ElementType.Float => Tensor.Of(MemoryMarshal.Cast<byte, float>(Bytes), Dimensions),
            ElementType.Double => Tensor.Of(MemoryMarshal.Cast<byte, double>(Bytes), Dimensions),
            ElementType.Float16 => Tensor.Of(MemoryMarshal.Cast<byte, Half>(Bytes), Dimensions),
            ElementType.Int64 => Tensor.Of(MemoryMarshal.Cast<byte, long>(Bytes), Dimensions),
            ElementType.Int32 => Tensor.Of(MemoryMarshal.Cast<byte, int>(Bytes), Dimensions),
            ElementType.Bool => Tensor.Of(MemoryMarshal.Cast<byte, bool>(Bytes), Dimensions),
            _ => null,
        };

        private long[] Dimensions => Shape.Length == 0 ? [1] : Shape;
    }

    public static float[] Run(Graph graph, params float[] input) =>
        Run(graph, Array.Of(input, [.. graph.Inputs[0].Shape!.Select(dimension => dimension.Size ?? 1)]))[0].Floats;

    public static Array[] Run(Graph graph, params Array[] inputs) => Run(graph.ToBytes(), inputs);

    public static Array[] Run(Graph graph, Array[] inputs, bool optimize)
    {
        using var options = Options();
        options.GraphOptimizationLevel = optimize ? GraphOptimizationLevel.ORT_ENABLE_ALL : GraphOptimizationLevel.ORT_DISABLE_ALL;
        using var session = new InferenceSession(graph.ToBytes(), options);
        return Run(session, inputs);
    }

    public static Array[] Run(byte[] model, params Array[] inputs)
    {
        using var options = Options();
        using var session = new InferenceSession(model, options);
        return Run(session, inputs);
    }

    public static Array[] RunFile(string path, params Array[] inputs)
    {
        using var options = Options();
        using var session = new InferenceSession(path, options);
        return Run(session, inputs);
    }

    private static SessionOptions Options() => new()
    {
        IntraOpNumThreads = 1,
        LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC,
    };

    private static Array[] Run(InferenceSession session, Array[] inputs)
    {
        var values = inputs.Select(ToValue).ToArray();
        try
        {
            using var runOptions = new RunOptions();
            using var outputs = session.Run(runOptions, session.InputNames, values, session.OutputNames);
            return [.. outputs.Select(FromValue)];
        }
        finally
        {
            System.Array.ForEach(values, value => value.Dispose());
        }
    }

    private static OrtValue ToValue(Array array)
    {
        var value = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, (Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)array.Type, array.Shape);
        array.Bytes.CopyTo(value.GetTensorMutableRawData());
        return value;
    }

    private static Array FromValue(OrtValue value)
    {
        var shape = value.GetTensorTypeAndShape();
        return new((ElementType)shape.ElementDataType, shape.Shape, value.GetTensorMutableRawData().ToArray());
    }
}
