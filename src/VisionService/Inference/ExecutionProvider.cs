using Microsoft.Extensions.Options;
using Microsoft.ML.OnnxRuntime;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace VisionService.Inference;

/// <summary>Where sessions run, decided once at start.</summary>
internal sealed partial class ExecutionProvider
{
    private const string CudaName = "CUDAExecutionProvider";
    private readonly int _cpuCores = Environment.ProcessorCount;

    public ExecutionProvider(IOptions<InferenceOptions> options, ILogger<ExecutionProvider> logger)
    {
        var choice = options.Value.Provider;
        if (choice == ProviderChoice.Cpu)
        {
            Reason = "configured";
        }
        else if (TryCuda(out var refusal))
        {
            (IsCuda, Reason) = (true, "the provider and a device are there");
        }
        else
        {
            Reason = refusal;
            if (choice == ProviderChoice.Cuda || IsCudaInstalled)
            {
                Log.FallingBack(logger, refusal);
            }
        }

        Log.Chosen(logger, Name, Reason);
    }

    public bool IsCuda { get; }

    public string Name => IsCuda ? "CUDA" : "CPU";

    /// <summary>Why this provider and not the other.</summary>
    public string Reason { get; }

    private static bool IsCudaInstalled =>
        File.Exists(Path.Combine(AppContext.BaseDirectory, "libonnxruntime_providers_cuda.so"))
        || File.Exists(Path.Combine(
            AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libonnxruntime_providers_cuda.so"));

    /// <summary>The defaults that measurement gave for this provider, under what was configured.</summary>
    public BatchingOptions Batching(InferenceOptions options) => new(
        Runners: options.Instances > 0 ? options.Instances : IsCuda ? 2 : _cpuCores,
        MaxBatchSize: options.MaxBatchSize > 0 ? options.MaxBatchSize : IsCuda ? 16 : 1,
        options.MaxQueueDelay,
        options.MaxQueueSize);

    /// <summary>
    /// One intra-op thread and no spinning: as many callers as cores share one session, the optimum of throughput on
    /// every model measured; ONNX Runtime's own defaults halve it under load.
    /// </summary>
    public SessionOptions NewSessionOptions()
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
        if (IsCuda)
        {
            AppendCuda(options);
        }

        return options;
    }

    private static bool TryCuda(out string refusal)
    {
        refusal = "";
        if (!OrtEnv.Instance().GetAvailableProviders().Contains(CudaName) || !IsCudaInstalled)
        {
            refusal = "this build has no CUDA provider (build with -p:Gpu=true)";
            return false;
        }

        try
        {
            using var options = new SessionOptions();
            AppendCuda(options);
            return true;
        }
        catch (OnnxRuntimeException exception)
        {
            refusal = exception.Message;
            return false;
        }
    }

    private static void AppendCuda(SessionOptions options)
    {
        using var cuda = new OrtCUDAProviderOptions();
        cuda.UpdateOptions(new Dictionary<string, string>
        {
            ["device_id"] = "0",
            // EXHAUSTIVE searches again for each new shape: hundreds of milliseconds in the middle of traffic.
            ["cudnn_conv_algo_search"] = "HEURISTIC",
            ["arena_extend_strategy"] = "kSameAsRequested",
        });
        options.AppendExecutionProvider_CUDA(cuda);
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Models run on the {Provider}: {Reason}.")]
        public static partial void Chosen(ILogger logger, string provider, string reason);

        [LoggerMessage(Level = LogLevel.Warning, Message = "CUDA cannot be used, falling back to the CPU: {Reason}.")]
        public static partial void FallingBack(ILogger logger, string reason);
    }
}
