using System.ComponentModel.DataAnnotations;

namespace VisionService.Inference;

/// <summary>Where models run when there is a choice.</summary>
internal enum ProviderChoice
{
    /// <summary>CUDA when its provider and a device are there, else the CPU.</summary>
    Auto,
    Cpu,
    Cuda,
}

/// <summary>How sessions run and batches form; section <c>Inference</c>. A model's manifest may say
/// otherwise.</summary>
internal sealed class InferenceOptions : IValidatableObject
{
    public ProviderChoice Provider { get; init; } = ProviderChoice.Auto;

    /// <summary>
    /// Concurrent runs per model, on CUDA per device; 0, the default, means one per core on the CPU (the cgroup's quota
    /// respected) and two per CUDA device, so that one copies while the other runs.
    /// </summary>
    [Range(0, 256)]
    public int Instances { get; init; }

    /// <summary>
    /// Most items in one run; 0, the default, means 1 on the CPU, where batches cost latency and gain nothing, and 16
    /// on CUDA. A model whose batch axis is fixed keeps its own.
    /// </summary>
    [Range(0, 256)]
    public int MaxBatchSize { get; init; }

    /// <summary>Longest time the oldest item waits for company once a runner is idle. Zero, the default:
    /// never.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:01")]
    public TimeSpan MaxQueueDelay { get; init; }

    /// <summary>Most items that wait for one model; more are refused. Where several callers share it, those below their
    /// share are let in up to twice that. Default 256.</summary>
    [Range(1, 1_000_000)]
    public int MaxQueueSize { get; init; } = 256;

    /// <summary>Most bytes of requests that wait for one model; more are refused, but a lone request never is. Where
    /// several callers share it, those below their share are let in up to twice that. Default 256 MiB.</summary>
    [Range(1, long.MaxValue)]
    public long MaxQueueBytes { get; init; } = 256L << 20;

    /// <summary>Longest time that a newcomer may be predicted to wait; beyond it, requests are refused. Default
    /// 5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:10:00")]
    public TimeSpan MaxQueueWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest time that one run may take; it is then ended, and its requests are told. Default 60 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "01:00:00")]
    public TimeSpan MaxRunTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Which CUDA devices to use, such as "0,2", by their numbers among those that the driver shows this
    /// process. Default: all.</summary>
    [RegularExpression(
        @"\d{1,4}(, ?\d{1,4})*", ErrorMessage = "Inference:CudaDevices is a list of numbers, such as '0,2'.")]
    public string? CudaDevices { get; init; }

    /// <summary>Most bytes of device memory that each session keeps for its work; 0, the default: no limit. A run that
    /// needs more fails.</summary>
    [Range(0, long.MaxValue)]
    public long GpuMemoryLimit { get; init; }

    /// <summary>Builds TensorRT engines while a model loads, which takes minutes, and runs them; CUDA where TensorRT is
    /// not installed. Default: off.</summary>
    public bool TensorRt { get; init; }

    /// <summary>Lets TensorRT compute in half precision. Default: off.</summary>
    public bool Fp16 { get; init; }

    /// <summary>A folder that keeps TensorRT's engines from one start to the next. Default: none, they are built
    /// again.</summary>
    public string? TensorRtCache { get; init; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Fp16 && !TensorRt)
        {
            yield return new ValidationResult(
                "Inference:Fp16 needs Inference:TensorRt; without it a model runs in the precision of its file.");
        }
    }
}

/// <summary>What a batcher obeys, all choices made.</summary>
/// <param name="Runners">In total, over all devices.</param>
internal sealed record BatchingOptions(int Runners, int MaxBatchSize, TimeSpan MaxQueueDelay, int MaxQueueSize)
{
    public long MaxQueueBytes { get; init; } = long.MaxValue;

    public TimeSpan MaxQueueWait { get; init; } = TimeSpan.MaxValue;

    public TimeSpan MaxRunTime { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Whether the answer is taken up on the runner's own thread, under its right to compute: right where
    /// runners are cores, wrong where they feed a device.</summary>
    public bool AnswersOnRunner { get; init; }
}
