using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace VisionService.Inference;

/// <summary>One output of a trial.</summary>
/// <param name="Values">Row by row; empty where they are no floats.</param>
internal sealed record TrialOutput(string Name, long[] Shape, float[] Values);

/// <summary>A file as it is, run on one thread to see what it makes of one input's values; other inputs get
/// zeros.</summary>
internal sealed class TrialSession : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _options = new();

    /// <param name="model">The ONNX file's bytes.</param>
    /// <exception cref="OnnxRuntimeException">ONNX Runtime refuses it.</exception>
    public TrialSession(byte[] model)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        _session = new InferenceSession(model, options);
    }

    /// <param name="values">Of the shape given; converted to the input's type.</param>
    /// <exception cref="OnnxRuntimeException">The run failed.</exception>
    /// <exception cref="NotSupportedException">The input holds neither floats nor bytes.</exception>
    public IReadOnlyList<TrialOutput> Run(string input, float[] values, long[] shape)
    {
        var names = _session.InputNames;
        var inputs = names.Select(name => name == input
            ? Filled(_session.InputMetadata[name].ElementDataType, values, shape)
            : Zeros(_session.InputMetadata[name])).ToArray();
        try
        {
            using var outputs = _session.Run(_options, names, inputs, _session.OutputNames);
            return [.. _session.OutputNames.Zip(outputs, Read)];
        }
        finally
        {
            Array.ForEach(inputs, static value => value.Dispose());
        }
    }

    public void Dispose()
    {
        _options.Dispose();
        _session.Dispose();
    }

    private static OrtValue Filled(TensorElementType type, float[] values, long[] shape)
    {
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, type, shape);
        switch (type)
        {
            case TensorElementType.Float:
                values.CopyTo(value.GetTensorMutableDataAsSpan<float>());
                return value;
            case TensorElementType.Float16:
                Convert(values, value.GetTensorMutableDataAsSpan<Float16>(), static number => (Float16)number);
                return value;
            case TensorElementType.Double:
                Convert(values, value.GetTensorMutableDataAsSpan<double>(), static number => number);
                return value;
            case TensorElementType.UInt8:
                Convert(values, value.GetTensorMutableDataAsSpan<byte>(), static number => (byte)Math.Clamp(number, 0, 255));
                return value;
            default:
                value.Dispose();
                throw new NotSupportedException($"An input of {type} takes no image.");
        }
    }

    private static OrtValue Zeros(NodeMetadata input)
    {
        var shape = Array.ConvertAll(input.Dimensions, static size => (long)Math.Max(size, 1));
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, input.ElementDataType, shape);
        value.GetTensorMutableRawData().Clear();
        return value;
    }

    private static TrialOutput Read(string name, OrtValue value)
    {
        if (!value.IsTensor)
        {
            return new TrialOutput(name, [], []);
        }

        var info = value.GetTensorTypeAndShape();
        var values = info.ElementDataType switch
        {
            TensorElementType.Float => value.GetTensorDataAsSpan<float>().ToArray(),
            TensorElementType.Float16 => Array.ConvertAll(value.GetTensorDataAsSpan<Float16>().ToArray(), static number => (float)number),
            TensorElementType.Double => Array.ConvertAll(value.GetTensorDataAsSpan<double>().ToArray(), static number => (float)number),
            _ => Array.Empty<float>(),
        };
        return new TrialOutput(name, info.Shape, values);
    }

    private static void Convert<T>(float[] values, Span<T> target, Func<float, T> convert)
    {
        for (var i = 0; i < target.Length; i++)
        {
            target[i] = convert(values[i]);
        }
    }
}
