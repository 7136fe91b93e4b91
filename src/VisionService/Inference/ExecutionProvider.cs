using Microsoft.Extensions.Options;
using Microsoft.ML.OnnxRuntime;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace VisionService.Inference;

/// <summary>Where sessions run, decided once at start.</summary>
internal sealed partial class ExecutionProvider
{
    private const string CudaName = "CUDAExecutionProvider";
    private const string CudaLibrary = "libonnxruntime_providers_cuda.so";

    // EXHAUSTIVE searches again for each new shape: hundreds of milliseconds in the middle of traffic.
    private static readonly Dictionary<string, string> CudaOptions = new()
    {
        ["cudnn_conv_algo_search"] = "HEURISTIC",
        ["arena_extend_strategy"] = "kSameAsRequested",
    };

    private static readonly Dictionary<string, string> ExactCudaOptions = new(CudaOptions) { ["use_tf32"] = "0" };

    private readonly int _cpuCores = Environment.ProcessorCount;
    private readonly Action<SessionOptions, Dictionary<string, string>>? _appendCuda;

    public ExecutionProvider(IOptions<InferenceOptions> options, ILogger<ExecutionProvider> logger)
    {
        var choice = options.Value.Provider;
        if (choice == ProviderChoice.Cpu)
        {
            Reason = "configured";
        }
        else
        {
            (_appendCuda, Reason) = FindCuda();
            if (!IsCuda && (choice == ProviderChoice.Cuda || CudaLibraryPath() is not null))
            {
                Log.FallingBack(logger, Reason);
            }
        }

        Log.Chosen(logger, Name, Reason);
    }

    public bool IsCuda => _appendCuda is not null;

    public string Name => IsCuda ? "CUDA" : "CPU";

    /// <summary>Why this provider and not the other.</summary>
    public string Reason { get; }

    /// <summary>The defaults that measurement gave for this provider, under what was configured.</summary>
    public BatchingOptions Batching(InferenceOptions options) => new(
        Runners: options.Instances > 0 ? options.Instances : IsCuda ? 2 : _cpuCores,
        MaxBatchSize: options.MaxBatchSize > 0 ? options.MaxBatchSize : IsCuda ? 16 : 1,
        options.MaxQueueDelay,
        options.MaxQueueSize)
    {
        MaxQueueBytes = options.MaxQueueBytes,
        MaxQueueWait = options.MaxQueueWait,
        MaxRunTime = options.MaxRunTime,
        AnswersOnRunner = !IsCuda,
    };

    /// <summary>
    /// One intra-op thread and no spinning: as many callers as cores share one session, the optimum of throughput on
    /// every model measured; ONNX Runtime's own defaults halve it under load.
    /// </summary>
    /// <param name="isExact">Full float32 on CUDA too: TensorFloat-32 makes gradients jump at every ReLU near
    /// zero.</param>
    public SessionOptions NewSessionOptions(bool isExact = false)
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
        _appendCuda?.Invoke(options, isExact ? ExactCudaOptions : CudaOptions);
        return options;
    }

    /// <summary>How to put CUDA into a session's options, or null and why not.</summary>
    private static (Action<SessionOptions, Dictionary<string, string>>? Append, string Reason) FindCuda()
    {
        if (CudaLibraryPath() is not { } library)
        {
            return (null, "this build has no CUDA provider (build with -p:Gpu=true)");
        }

        try
        {
            var append = OrtEnv.Instance().GetAvailableProviders().Contains(CudaName) ? AppendBuiltIn : AppendPlugin(library);
            if (append is null)
            {
                return (null, "the CUDA provider finds no device");
            }

            using var trial = new SessionOptions();
            append(trial, CudaOptions);
            return (append, "the provider and a device are there");
        }
        catch (OnnxRuntimeException exception)
        {
            return (null, exception.Message);
        }
    }

    /// <summary>Where the provider lies: beside the program, or among its native libraries.</summary>
    private static string? CudaLibraryPath() => Array.Find(
        [
            Path.Combine(AppContext.BaseDirectory, CudaLibrary),
            Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", CudaLibrary),
        ],
        File.Exists);

    private static void AppendBuiltIn(SessionOptions options, Dictionary<string, string> settings)
    {
        using var cuda = new OrtCUDAProviderOptions();
        cuda.UpdateOptions(settings);
        options.AppendExecutionProvider_CUDA(cuda);
    }

    /// <summary>An ONNX Runtime that was built without CUDA takes the provider as a plug-in.</summary>
    private static Action<SessionOptions, Dictionary<string, string>>? AppendPlugin(string library)
    {
        var environment = OrtEnv.Instance();
        environment.RegisterExecutionProviderLibrary("cuda", library);
        return environment.GetEpDevices().FirstOrDefault(device => device.EpName == CudaName) is { } device
            ? (options, settings) => options.AppendExecutionProvider(environment, [device], settings)
            : null;
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Models run on the {Provider}: {Reason}.")]
        public static partial void Chosen(ILogger logger, string provider, string reason);

        [LoggerMessage(Level = LogLevel.Warning, Message = "CUDA cannot be used, falling back to the CPU: {Reason}.")]
        public static partial void FallingBack(ILogger logger, string reason);
    }
}
