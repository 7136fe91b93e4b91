using System.ComponentModel.DataAnnotations;

namespace VisionService.Repository;

/// <summary>Where the models are; section <c>Repository</c>.</summary>
internal sealed class RepositoryOptions
{
    /// <summary>Folders of models, model folders, or ONNX files. Default: the models that come with the
    /// service.</summary>
    public IList<string> Models { get; } = [];

    /// <summary>The model that answers for a task when a request names none, by task. Default: the first by
    /// name.</summary>
    public IDictionary<string, string> Defaults { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Whether each model is loaded in another process first, so that one that hangs, exhausts memory or crashes
    /// the runtime does not take the service with it. Default true.</summary>
    public bool TrialLoads { get; init; } = true;

    /// <summary>Longest time a load may take, on trial and again here; TensorRT builds its engines in that time. Default
    /// two minutes.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan LoadTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Most memory that all loads on trial may take together, in bytes; the largest is ended first. Default half
    /// of what the machine or the container has.</summary>
    [Range(128L << 20, long.MaxValue / 2)]
    public long LoadMemory { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>Largest model, external data included, in bytes. Default 4 GiB.</summary>
    [Range(1, long.MaxValue / 2)]
    public long MaxModelBytes { get; init; } = 4L << 30;

    public void UseShippedModels()
    {
        if (Models.Count == 0)
        {
            Models.Add(Path.Combine(AppContext.BaseDirectory, "models"));
        }
    }
}
