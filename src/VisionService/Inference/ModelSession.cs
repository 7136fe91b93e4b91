using System.Buffers;
using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace VisionService.Inference;

/// <summary>
/// A model opened on each device, and its runners: each runner is the right to one concurrent run, with input buffers
/// of its own, on one of the devices. Every input has the batch as its first axis, but for items that are whole; a
/// model that answers images has one, <c>uint8 [N, C, H, W]</c>.
/// </summary>
internal sealed class ModelSession : IDisposable
{
    private readonly DeviceSession[] _devices;
    private readonly RunnerBuffers[] _buffers;
    private readonly RunOptions _runOptions = new(); // of all runs that nobody can terminate
    private readonly string[] _inputNames;
    private readonly string[] _outputNames;
    private readonly int? _fixedBatch;
    private readonly int _padUpTo;
    private readonly bool _isRaw;
    private int _users = 1; // the owner, and every run under way: the last one frees
    private int _isDisposed;

    /// <summary>A session on the CPU.</summary>
    /// <param name="model">The ONNX file's bytes.</param>
    /// <param name="options">Owned by the caller; needed only here.</param>
    /// <exception cref="OnnxRuntimeException">ONNX Runtime refuses the model.</exception>
    public ModelSession(byte[] model, SessionOptions options, int runners, int padUpTo = 0)
        : this([InferenceDevice.Cpu], _ => new InferenceSession(model, options), runners, padUpTo)
    {
    }

    /// <param name="open">Opens the model on a device.</param>
    /// <param name="runners">How many in total; they take the devices in turn.</param>
    /// <param name="padUpTo">Batches of up to so many items are padded with zeros to one of <see cref="BatchBuckets"/>;
    /// 0: none is.</param>
    /// <param name="isRaw">Tensors as they are: inputs may lack a batch axis, and outputs are read as bytes or texts.
    /// Outputs that are no tensors are left out.</param>
    /// <exception cref="OnnxRuntimeException">ONNX Runtime refuses the model.</exception>
    public ModelSession(
        IReadOnlyList<InferenceDevice> devices,
        Func<InferenceDevice, InferenceSession> open,
        int runners,
        int padUpTo = 0,
        bool isRaw = false)
    {
        (_padUpTo, _isRaw) = (padUpTo, isRaw);
        _devices = OpenAll(devices, open);
        var session = _devices[0].Session;
        _inputNames = [.. session.InputNames];
        _outputNames = [.. session.OutputNames.Where(name => !isRaw || session.OutputMetadata[name].IsTensor)];
        _buffers = [.. Enumerable.Range(0, runners).Select(
            runner => new RunnerBuffers(_inputNames.Length, _devices[DeviceOf(runner)].Buffers))];
        if (!isRaw && session.InputMetadata[_inputNames[0]].Dimensions[0] is var batch and > 0)
        {
            _fixedBatch = batch;
        }
    }

    public IReadOnlyList<string> Inputs => _inputNames;

    /// <summary>What its runs cost, learnt from them.</summary>
    public CostModel Cost { get; private set; } = new();

    /// <summary>How many items every run takes: what the file fixes; null where any number will do.</summary>
    public int? FixedBatch => _fixedBatch;

    /// <summary>Whether inputs and outputs lie in the devices' own kind of memory.</summary>
    public bool HasDeviceBuffers => Array.TrueForAll(_devices, static device => device.Buffers is not null);

    /// <summary>The index of the device that a runner runs on.</summary>
    public int DeviceOf(int runner) => runner % _devices.Length;

    /// <summary>Runs blank items, so that nobody waits for what the first run of a shape allocates and picks. Where
    /// batches are padded, every runner meets every size that they are padded to.</summary>
    public void WarmUp(ModelInput shape, int maxBatchSize)
    {
        using var blank = new ModelItem(this, shape);
        blank.Planes.Clear();
        IEnumerable<int> sizes = _fixedBatch is not null ? [maxBatchSize]
            : _padUpTo > 0 ? BatchBuckets.UpTo(maxBatchSize)
            : new SortedSet<int> { 1, maxBatchSize };
        for (var runner = 0; runner < (_padUpTo > 0 ? _buffers.Length : 1); runner++)
        {
            // The largest first: what it allocates is enough for the others.
            foreach (var size in sizes.Reverse())
            {
                RunBlank(runner, size);
            }
        }

        // What was seen until now is the price of first times.
        Cost = new CostModel();
        foreach (var size in sizes)
        {
            RunBlank(runner: 0, size);
        }

        void RunBlank(int runner, int size)
        {
            var outputs = Run(runner, [.. Enumerable.Repeat(blank, size)], CancellationToken.None);
            for (var i = 0; i < size; i++)
            {
                outputs.Release();
            }
        }
    }

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

    /// <summary>Runs a batch of items of one shape; what is missing to a fixed batch or to a padded size is filled up
    /// with zeros, and never seen.</summary>
    /// <param name="runner">Whose buffers and device to use; two calls at once must not name the same.</param>
    /// <param name="cancellationToken">Ends the run at its next operator.</param>
    /// <exception cref="OnnxRuntimeException">A kernel failed.</exception>
    /// <exception cref="OperationCanceledException">The token ended the run.</exception>
    /// <exception cref="ObjectDisposedException">The session is closed. A run that began before ends well.</exception>
    public BatchOutputs Run(int runner, IReadOnlyList<ModelItem> items, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Enter();
        try
        {
            return RunItems(runner, items, cancellationToken);
        }
        finally
        {
            Leave();
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            Leave();
        }
    }

    private static DeviceSession[] OpenAll(
        IReadOnlyList<InferenceDevice> devices, Func<InferenceDevice, InferenceSession> open)
    {
        var opened = new List<DeviceSession>();
        try
        {
            foreach (var device in devices)
            {
                opened.Add(new DeviceSession(open(device), device));
            }

            return [.. opened];
        }
        catch
        {
            opened.ForEach(static session => session.Dispose());
            throw;
        }
    }

    private void Enter()
    {
        int users;
        do
        {
            users = Volatile.Read(ref _users);
            ObjectDisposedException.ThrowIf(users == 0 || Volatile.Read(ref _isDisposed) == 1, this);
        }
        while (Interlocked.CompareExchange(ref _users, users + 1, users) != users);
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            Array.ForEach(_buffers, static buffers => buffers.Dispose());
            Array.ForEach(_devices, static device => device.Dispose());
            _runOptions.Dispose();
        }
    }

    private BatchOutputs RunItems(int runner, IReadOnlyList<ModelItem> items, CancellationToken cancellationToken)
    {
        var isWhole = items[0].IsWhole;
        var rows = isWhole ? 1
            : _fixedBatch ?? (_padUpTo > 0 ? BatchBuckets.Of(items.Count, _padUpTo) : items.Count);
        var inputs = new OrtValue[_inputNames.Length];
        var pins = isWhole ? new MemoryHandle[_inputNames.Length] : [];
        try
        {
            for (var i = 0; i < inputs.Length; i++)
            {
                inputs[i] = isWhole ? Lend(items[0], i, ref pins[i]) : _buffers[runner].Gather(items, i, rows);
            }

            var start = Stopwatch.GetTimestamp();
            var values = RunValues(_devices[DeviceOf(runner)], inputs, cancellationToken);
            Cost.Observe(rows * items[0].Size, Stopwatch.GetElapsedTime(start));
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

    private IDisposableReadOnlyCollection<OrtValue> RunValues(
        DeviceSession device, OrtValue[] inputs, CancellationToken cancellationToken)
    {
        if (!cancellationToken.CanBeCanceled)
        {
            return device.Run(_runOptions, inputs, _outputNames);
        }

        // Of this run alone: options that say "terminate" would end the next run too. The registration goes first and
        // waits for a callback under way, so none touches options that are gone.
        using var options = new RunOptions();
        using var registration = cancellationToken.UnsafeRegister(
            static options => ((RunOptions)options!).Terminate = true, options);
        try
        {
            return device.Run(options, inputs, _outputNames);
        }
        catch (OnnxRuntimeException exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("The run was ended by its token.", exception, cancellationToken);
        }
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
