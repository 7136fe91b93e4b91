using Microsoft.ML.OnnxRuntime;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace VisionService.Inference;

/// <summary>
/// One ONNX Runtime session and its runners: each runner is the right to one concurrent run with an input buffer of its
/// own. The model takes one input, <c>uint8 [N, C, H, W]</c>.
/// </summary>
internal sealed class ModelSession : IDisposable
{
    private readonly InferenceSession _session;
    private readonly byte[][] _buffers;
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
        _inputNames = [_session.InputNames[0]];
        _outputNames = [.. _session.OutputNames];
        _buffers = new byte[runners][];
        Array.Fill(_buffers, []);
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
        using var blank = new ModelItem(shape);
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
    /// <param name="runner">Whose buffer to use; two calls at once must not name the same.</param>
    /// <exception cref="OnnxRuntimeException">A kernel failed.</exception>
    public BatchOutputs Run(int runner, IReadOnlyList<ModelItem> items)
    {
        var shape = items[0].Shape;
        var rows = _fixedBatch ?? items.Count;
        var length = rows * shape.Length;
        if (_buffers[runner].Length < length)
        {
            _buffers[runner] = GC.AllocateUninitializedArray<byte>(length, pinned: true);
        }

        var buffer = _buffers[runner];
        for (var i = 0; i < items.Count; i++)
        {
            items[i].Planes.CopyTo(buffer.AsSpan(i * shape.Length));
        }

        buffer.AsSpan(items.Count * shape.Length, length - (items.Count * shape.Length)).Clear();
        using var input = OrtValue.CreateTensorValueFromMemory(
            OrtMemoryInfo.DefaultInstance,
            buffer.AsMemory(0, length),
            [rows, shape.Channels, shape.Height, shape.Width]);
        var values = _session.Run(_runOptions, _inputNames, [input], _outputNames);
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

    public void Dispose()
    {
        _runOptions.Dispose();
        _session.Dispose();
    }
}

/// <summary>One item's planes, in a rented buffer that goes back on disposal.</summary>
internal sealed class ModelItem(ModelInput shape) : IDisposable
{
    private byte[]? _rented = System.Buffers.ArrayPool<byte>.Shared.Rent(shape.Length);

    public ModelInput Shape => shape;

    public Span<byte> Planes => (_rented ?? throw new ObjectDisposedException(nameof(ModelItem))).AsSpan(0, shape.Length);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _rented, null) is { } rented)
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(rented);
        }
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
