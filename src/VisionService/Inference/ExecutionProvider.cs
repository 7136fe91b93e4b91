using Microsoft.Extensions.Options;
using Microsoft.ML.OnnxRuntime;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace VisionService.Inference;

/// <summary>Where sessions run, decided once at start.</summary>
internal sealed partial class ExecutionProvider
{
    private const string CudaName = "CUDAExecutionProvider";
    private const string CudaLibrary = "libonnxruntime_providers_cuda.so";
    private const string TensorRtLibrary = "libonnxruntime_providers_tensorrt.so";

    private readonly int _cpuCores = Environment.ProcessorCount;
    private readonly InferenceOptions _options;
    private readonly ILogger _logger;
    private readonly AppendProvider? _appendCuda;
    private readonly bool _isTensorRt;
    private int _hasWarnedOfBuffers;

    /// <exception cref="OptionsValidationException">The options name a device that is not there.</exception>
    public ExecutionProvider(IOptions<InferenceOptions> options, ILogger<ExecutionProvider> logger)
    {
        (_options, _logger) = (options.Value, logger);
        if (_options.Provider == ProviderChoice.Cpu)
        {
            Reason = "configured";
        }
        else
        {
            (_appendCuda, Devices, Reason) = FindCuda(_options);
            if (!IsCuda && (_options.Provider == ProviderChoice.Cuda || LibraryPath(CudaLibrary) is not null))
            {
                Log.FallingBack(logger, Reason);
            }
        }

        if (_options.TensorRt)
        {
            var problem = IsCuda ? TryTensorRt(Devices[0], _options) : "models run on the CPU";
            _isTensorRt = problem is null;
            if (problem is not null)
            {
                Log.NoTensorRt(logger, IsCuda ? "CUDA" : "CPU", problem);
            }
        }

        Log.Chosen(logger, Name, Reason, Devices);
    }

    private delegate void AppendProvider(SessionOptions options, int cudaId, Dictionary<string, string> settings);

    public bool IsCuda => _appendCuda is not null;

    public string Name => _isTensorRt ? "TensorRT" : IsCuda ? "CUDA" : "CPU";

    /// <summary>Why this provider and not the other.</summary>
    public string Reason { get; }

    /// <summary>Where each model has a session: the CPU, or every CUDA device in use.</summary>
    public IReadOnlyList<InferenceDevice> Devices { get; } = [InferenceDevice.Cpu];

    /// <summary>The defaults that measurement gave for this provider, under what was configured.</summary>
    public BatchingOptions Batching(InferenceOptions options) => new(
        Runners: Runners(options.Instances > 0 ? options.Instances : IsCuda ? 2 : _cpuCores),
        MaxBatchSize: options.MaxBatchSize > 0 ? options.MaxBatchSize : IsCuda ? 16 : 1,
        options.MaxQueueDelay,
        options.MaxQueueSize)
    {
        MaxQueueBytes = options.MaxQueueBytes,
        MaxQueueWait = options.MaxQueueWait,
        MaxRunTime = options.MaxRunTime,
        AnswersOnRunner = !IsCuda,
    };

    /// <summary>How many runners that many instances are: instances are counted per device.</summary>
    public int Runners(int instances) => instances * Devices.Count;

    /// <summary>Opens a model on every device.</summary>
    /// <param name="model">The ONNX file's bytes.</param>
    /// <param name="batching">How many runners share the devices, and what size of batch to prepare for.</param>
    /// <param name="isExact">Full float32 on CUDA too, for gradients.</param>
    /// <exception cref="OnnxRuntimeException">ONNX Runtime refuses the model.</exception>
    public ModelSession Open(byte[] model, BatchingOptions batching, bool isExact = false) =>
        Open(options => new InferenceSession(model, options), batching, isExact, isRaw: false);

    /// <summary>Opens a file as it is, for tensors as they are: inputs may lack a batch axis, and outputs are read as
    /// bytes or texts. Outputs that are no tensors are left out.</summary>
    /// <inheritdoc cref="Open(byte[], BatchingOptions, bool)"/>
    public ModelSession Open(string path, BatchingOptions batching) =>
        Open(options => new InferenceSession(path, options), batching, isExact: false, isRaw: true);

    private ModelSession Open(
        Func<SessionOptions, InferenceSession> open, BatchingOptions batching, bool isExact, bool isRaw)
    {
        var session = new ModelSession(
            Devices,
            device =>
            {
                using var options = NewSessionOptions(device, isExact);
                return open(options);
            },
            batching.Runners,
            padUpTo: IsCuda ? batching.MaxBatchSize : 0,
            isRaw);
        if (IsCuda && !session.HasDeviceBuffers && Interlocked.Exchange(ref _hasWarnedOfBuffers, 1) == 0)
        {
            Log.NoPinnedMemory(_logger);
        }

        return session;
    }

    /// <summary>
    /// One intra-op thread and no spinning: as many callers as cores share one session, the optimum of throughput on
    /// every model measured; ONNX Runtime's own defaults halve it under load.
    /// </summary>
    private SessionOptions NewSessionOptions(InferenceDevice device, bool isExact)
    {
        var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        if (device.CudaId is { } id)
        {
            // The first provider has the first choice of operators. TensorRT would round what must be exact, and build
            // engines for graphs that run a few times.
            if (_isTensorRt && !isExact)
            {
                AppendTensorRt(options, id, _options);
            }

            _appendCuda!(options, id, ProviderSettings.Cuda(id, isExact, _options));
        }

        return options;
    }

    /// <summary>How to put CUDA into a session's options and on which devices; or null, the CPU and why.</summary>
    private static (AppendProvider? Append, IReadOnlyList<InferenceDevice> Devices, string Reason) FindCuda(
        InferenceOptions options)
    {
        IReadOnlyList<InferenceDevice> cpu = [InferenceDevice.Cpu];
        if (LibraryPath(CudaLibrary) is not { } library)
        {
            return (null, cpu, "this build has no CUDA provider (build with -p:Gpu=true)");
        }

        var (count, problem) = CudaDriver.CountDevices();
        if (count == 0)
        {
            return (null, cpu, problem);
        }

        var devices = InferenceDevice.ChooseCuda(options.CudaDevices, count);
        try
        {
            var isBuiltIn = OrtEnv.Instance().GetAvailableProviders().Contains(CudaName);
            var append = isBuiltIn ? AppendBuiltIn : AppendPlugin(library);
            if (append is null)
            {
                return (null, cpu, "the CUDA provider finds no device");
            }

            foreach (var device in devices)
            {
                using var trial = new SessionOptions();
                var id = device.CudaId!.Value;
                append(trial, id, ProviderSettings.Cuda(id, isExact: false, options));
            }

            return (append, devices, "the provider and a device are there");
        }
        catch (OnnxRuntimeException exception)
        {
            return (null, cpu, exception.Message);
        }
    }

    /// <summary>Why TensorRT cannot be used; null if it can.</summary>
    private static string? TryTensorRt(InferenceDevice device, InferenceOptions options)
    {
        if (LibraryPath(TensorRtLibrary) is null)
        {
            return $"this build has no TensorRT provider ({TensorRtLibrary})";
        }

        try
        {
            using var trial = new SessionOptions();
            AppendTensorRt(trial, device.CudaId!.Value, options);
        }
        catch (OnnxRuntimeException exception)
        {
            return exception.Message;
        }

        if (options.TensorRtCache is { Length: > 0 } folder)
        {
            Directory.CreateDirectory(folder);
        }

        return null;
    }

    /// <summary>Where a provider lies: beside the program, or among its native libraries.</summary>
    private static string? LibraryPath(string library) => Array.Find(
        [
            Path.Combine(AppContext.BaseDirectory, library),
            Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", library),
        ],
        File.Exists);

    private static void AppendBuiltIn(SessionOptions options, int cudaId, Dictionary<string, string> settings)
    {
        using var cuda = new OrtCUDAProviderOptions();
        cuda.UpdateOptions(settings);
        options.AppendExecutionProvider_CUDA(cuda);
    }

    private static void AppendTensorRt(SessionOptions options, int cudaId, InferenceOptions settings)
    {
        using var tensorRt = new OrtTensorRTProviderOptions();
        tensorRt.UpdateOptions(ProviderSettings.TensorRt(cudaId, settings));
        options.AppendExecutionProvider_Tensorrt(tensorRt);
    }

    /// <summary>An ONNX Runtime that was built without CUDA takes the provider as a plug-in, which lists its devices in
    /// the driver's order.</summary>
    private static AppendProvider? AppendPlugin(string library)
    {
        var environment = OrtEnv.Instance();
        environment.RegisterExecutionProviderLibrary("cuda", library);
        var found = environment.GetEpDevices().Where(static device => device.EpName == CudaName).ToArray();
        return found.Length == 0 ? null
            : (options, cudaId, settings) => options.AppendExecutionProvider(
                environment, [found[Math.Min(cudaId, found.Length - 1)]], settings);
    }

    private static partial class Log
    {
        [LoggerMessage(
            Level = LogLevel.Information, Message = "Models run on the {Provider}: {Reason}. Devices: {Devices}.")]
        public static partial void Chosen(
            ILogger logger, string provider, string reason, IReadOnlyList<InferenceDevice> devices);

        [LoggerMessage(Level = LogLevel.Warning, Message = "CUDA cannot be used, falling back to the CPU: {Reason}.")]
        public static partial void FallingBack(ILogger logger, string reason);

        [LoggerMessage(
            Level = LogLevel.Warning,
            Message = "TensorRT cannot be used, models run on the {Provider} alone: {Reason}.")]
        public static partial void NoTensorRt(ILogger logger, string provider, string reason);

        [LoggerMessage(
            Level = LogLevel.Warning,
            Message = "The CUDA provider gives no page-locked memory; copies to the device are slower.")]
        public static partial void NoPinnedMemory(ILogger logger);
    }
}
