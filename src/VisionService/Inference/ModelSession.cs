using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace VisionService.Inference;

/// <summary>
/// One ONNX Runtime session and its runners: each runner is the right to one concurrent run with input buffers of its
/// own. Every input has the batch as its first axis; a model that answers images has one, <c>uint8 [N, C, H, W]</c>.
/// </summary>
internal sealed class ModelSession : IDisposable
{
    private readonly InferenceSession _session;
    private readonly byte[][][] _buffers;
    private readonly RunOptions _runOptions = new();
    private readonly string[] _inputNames;
    private readonly string[] _outputNames;
    private readonly int? _fixedBatch;

    /// <param name="model">The ONNX file's bytes.</param>
    /// <param name="options">Owned by the caller; needed only here.</param>
    /// <exception cref="OnnxRuntimeException">ONNX Runtime refuses the model.</exception>
    public ModelSession(byte[] model, SessionOptions options, int runners)
    {
        _session = new InferenceSession(model, options);
        _inputNames = [.. _session.InputNames];
        _outputNames = [.. _session.OutputNames];
        _buffers = [.. Enumerable.Range(0, runners).Select(_ => _inputNames.Select(_ => Array.Empty<byte>()).ToArray())];
        var batchAxis = _session.InputMetadata[_inputNames[0]].Dimensions[0];
        _fixedBatch = batchAxis > 0 ? batchAxis : null;
    }

    /// <summary>How many items every run takes: what the file fixes; null where any number will do.</summary>
    public int? FixedBatch => _fixedBatch;

    /// <summary>Runs one blank item to see what the outputs are like: the file's own word on shapes may be missing or
    /// wrong.</summary>
    public IReadOnlyList<OutputShape> Probe(ModelInput shape) => Probe(shape, static outputs => outputs.Shapes);

    /// <summary>The same, read by the caller; the outputs are gone afterwards.</summary>
    public T Probe<T>(ModelInput shape, Func<BatchOutputs, T> read)
    {
        using var blank = new ModelItem(this, shape);
        blank.Planes.Clear();
        var outputs = Run(0, [blank]);
        try
        {
            return read(outputs);
        }
        finally
        {
            outputs.Release();
        }
    }

    /// <summary>Runs a batch of items of one shape; a fixed batch axis is filled up with zeros.</summary>
    /// <param name="runner">Whose buffers to use; two calls at once must not name the same.</param>
    /// <exception cref="OnnxRuntimeException">A kernel failed.</exception>
    public BatchOutputs Run(int runner, IReadOnlyList<ModelItem> items)
    {
        var rows = _fixedBatch ?? items.Count;
        var inputs = new OrtValue[_inputNames.Length];
        try
        {
            for (var i = 0; i < inputs.Length; i++)
            {
                inputs[i] = Gather(ref _buffers[runner][i], items, i, rows);
            }

            var values = _session.Run(_runOptions, _inputNames, inputs, _outputNames);
            try
            {
                return new BatchOutputs(_outputNames, values, items.Count, rows);
            }
            catch
            {
                values.Dispose();
                throw;
            }
        }
        finally
        {
            Array.ForEach(inputs, input => input?.Dispose());
        }
    }

    public void Dispose()
    {
        _runOptions.Dispose();
        _session.Dispose();
    }

    /// <summary>One input of all items, row after row in the runner's buffer.</summary>
    private static OrtValue Gather(ref byte[] buffer, IReadOnlyList<ModelItem> items, int input, int rows)
    {
        var shape = items[0].Shapes[input];
        var itemBytes = shape.Bytes;
        var length = rows * itemBytes;
        if (buffer.Length < length)
        {
            buffer = GC.AllocateUninitializedArray<byte>(length, pinned: true);
        }

        for (var i = 0; i < items.Count; i++)
        {
            items[i].Bytes(input).CopyTo(buffer.AsSpan(i * itemBytes));
        }

        buffer.AsSpan(items.Count * itemBytes, length - (items.Count * itemBytes)).Clear();
        return OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance,
            shape.Type,
            [rows, .. shape.Dimensions],
            Marshal.UnsafeAddrOfPinnedArrayElement(buffer, 0), // pinned for good, and kept by the runner
            length);
    }
}

/// <summary>One item's hold on the outputs of its batch.</summary>
internal sealed class ItemOutputs(BatchOutputs batch, int item, TimeSpan duration) : IDisposable
{
    private int _isReleased;

    /// <summary>Valid until disposal.</summary>
    public ModelOutputs Outputs => new(batch, item);

    /// <summary>How long the run took that this item was part of.</summary>
    public TimeSpan Duration => duration;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) == 0)
        {
            batch.Release();
        }
    }
}
