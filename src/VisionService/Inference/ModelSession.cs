using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace VisionService.Inference;

/// <summary>
/// One ONNX Runtime session and its runners: each runner is the right to one concurrent run with input buffers of its
/// own. Every input has the batch as its first axis, but for items that are whole; a model that answers images has one,
/// <c>uint8 [N, C, H, W]</c>.
/// </summary>
internal sealed class ModelSession : IDisposable
{
    private readonly InferenceSession _session;
    private readonly byte[][][] _buffers;
    private readonly RunOptions _runOptions = new();
    private readonly string[] _inputNames;
    private readonly string[] _outputNames;
    private readonly int? _fixedBatch;
    private readonly bool _isRaw;

    /// <param name="model">The ONNX file's bytes.</param>
    /// <param name="options">Owned by the caller; needed only here.</param>
    /// <exception cref="OnnxRuntimeException">ONNX Runtime refuses the model.</exception>
    public ModelSession(byte[] model, SessionOptions options, int runners)
        : this(new InferenceSession(model, options), runners)
    {
        var batchAxis = _session.InputMetadata[_inputNames[0]].Dimensions[0];
        _fixedBatch = batchAxis > 0 ? batchAxis : null;
    }

    /// <summary>A session on a file as it is, for tensors as they are: inputs may lack a batch axis, and outputs are read
    /// as bytes or texts. Outputs that are no tensors are left out.</summary>
    /// <inheritdoc cref="ModelSession(byte[], SessionOptions, int)"/>
    public ModelSession(string path, SessionOptions options, int runners)
        : this(new InferenceSession(path, options), runners)
    {
        _isRaw = true;
        _outputNames = [.. _outputNames.Where(name => _session.OutputMetadata[name].IsTensor)];
    }

    private ModelSession(InferenceSession session, int runners)
    {
        _session = session;
        _inputNames = [.. _session.InputNames];
        _outputNames = [.. _session.OutputNames];
        _buffers = [.. Enumerable.Range(0, runners).Select(_ => _inputNames.Select(_ => Array.Empty<byte>()).ToArray())];
    }

    public IReadOnlyList<string> Inputs => _inputNames;

    /// <summary>What its runs cost, learnt from them.</summary>
    public CostModel Cost { get; } = new();

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
        var outputs = Run(0, [blank], CancellationToken.None);
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
    public BatchOutputs Run(int runner, IReadOnlyList<ModelItem> items, CancellationToken cancellationToken)
    {
        var isWhole = items[0].IsWhole;
        var rows = isWhole ? 1 : _fixedBatch ?? items.Count;
        var inputs = new OrtValue[_inputNames.Length];
        var pins = isWhole ? new MemoryHandle[_inputNames.Length] : [];
        try
        {
            for (var i = 0; i < inputs.Length; i++)
            {
                inputs[i] = isWhole ? Lend(items[0], i, ref pins[i]) : Gather(ref _buffers[runner][i], items, i, rows);
            }

            var values = _session.Run(_runOptions, _inputNames, inputs, _outputNames);
            try
            {
                return new BatchOutputs(_outputNames, values, items.Count, rows, _isRaw);
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
            Array.ForEach(pins, pin => pin.Dispose());
        }
    }

    public void Dispose()
    {
        _runOptions.Dispose();
        _session.Dispose();
    }

    /// <summary>A whole tensor where it lies: nothing is gathered, so nothing needs a copy.</summary>
    private static unsafe OrtValue Lend(ModelItem item, int input, ref MemoryHandle pin)
    {
        var shape = item.Shapes[input];
        if (shape.Type == TensorElementType.String)
        {
            var texts = item.Texts(input);
            var value = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, shape.Dimensions);
            for (var i = 0; i < texts.Count; i++)
            {
                value.StringTensorSetElementAt(texts[i].AsSpan(), i);
            }

            return value;
        }

        pin = item.Memory(input).Pin();
        return OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, shape.Type, shape.Dimensions, (nint)pin.Pointer, shape.Bytes);
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
