using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace VisionService.Inference;

/// <summary>One output of a probe run.</summary>
/// <param name="Bytes">Its elements; null where there are more than was asked for.</param>
internal sealed record ProbedOutput(TensorElementType Type, long[] Shape, byte[]? Bytes);

/// <summary>Runs a model once, on noise and on one thread, to see what its values are like.</summary>
internal static class ProbeRun
{
    /// <param name="model">The ONNX file's bytes; sizes that it leaves open are those of the batch.</param>
    /// <param name="maxBytes">Elements of larger outputs are left out.</param>
    /// <exception cref="OnnxRuntimeException">The model cannot run.</exception>
    public static Dictionary<string, ProbedOutput> Run(byte[] model, int batch, int maxBytes)
    {
        using var options = new SessionOptions
        {
            // Optimised graphs lack the values that were fused away.
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL,
            IntraOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        using var session = new InferenceSession(model, options);
        using var runOptions = new RunOptions();
        var names = session.InputNames;
        var inputs = names.Select(name => Noise(session.InputMetadata[name], batch)).ToArray();
        try
        {
            using var outputs = session.Run(runOptions, names, inputs, session.OutputNames);
            return session.OutputNames.Zip(outputs).ToDictionary(pair => pair.First, pair => Read(pair.Second, maxBytes));
        }
        finally
        {
            Array.ForEach(inputs, input => input.Dispose());
        }
    }

    private static OrtValue Noise(NodeMetadata input, int batch)
    {
        var shape = Array.ConvertAll(input.Dimensions, size => (long)(size > 0 ? size : batch));
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, input.ElementDataType, shape);
        var random = new Random(1);
        switch (input.ElementDataType)
        {
            case TensorElementType.Float:
                foreach (ref var pixel in value.GetTensorMutableDataAsSpan<float>())
                {
                    pixel = random.Next(256);
                }

                break;
            case TensorElementType.UInt8:
                random.NextBytes(value.GetTensorMutableDataAsSpan<byte>());
                break;
            default:
                value.GetTensorMutableRawData().Clear();
                break;
        }

        return value;
    }

    private static ProbedOutput Read(OrtValue value, int maxBytes)
    {
        var info = value.GetTensorTypeAndShape();
        var isText = info.ElementDataType == TensorElementType.String;
        var bytes = isText || value.GetTensorSizeInBytes() > maxBytes ? null : value.GetTensorMutableRawData().ToArray();
        return new ProbedOutput(info.ElementDataType, info.Shape, bytes);
    }
}
