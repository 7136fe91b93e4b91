using System.ComponentModel.DataAnnotations;

namespace VisionService.Repository;

/// <summary>Where the models are and when they are loaded; section <c>Repository</c>.</summary>
internal sealed class RepositoryOptions
{
    private static readonly KeyValuePair<string, string>[] ShippedDefaults =
    [
        new("classify", "cifar10-resnet20"),
        new("detect", "street-detection"),
        new("segment", "street-segmentation"),
        new("explain", "cifar10-resnet20"),
    ];

    /// <summary>Folders of models, model folders, or ONNX files. Default: the models that come with the
    /// service.</summary>
    public IList<string> Models { get; } = [];

    /// <summary>The model that answers for a task when a request names none, by task. Default: the first by name; with the
    /// models that come with the service, <see cref="ShippedDefaults"/>.</summary>
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

    /// <summary>Whether models that appear, change or go while the service runs are loaded, replaced and unloaded. Default
    /// true.</summary>
    public bool Watch { get; init; } = true;

    /// <summary>How often the folders are looked at; nothing is relied on that network folders lack. Default one
    /// second.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "01:00:00")]
    public TimeSpan WatchInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a model's files must have stayed the same before they are read: a copy that is under way is let
    /// alone. Default two seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan SettleTime { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Most models in memory: for another one the least recently used is unloaded, until a request asks for it. A
    /// model that is loaded anew is there twice for a moment. Default 0: no bound.</summary>
    [Range(0, 100_000)]
    public int MaxActiveModels { get; init; }

    /// <summary>Names of models that never make room for others.</summary>
    public IList<string> Pinned { get; } = [];

    /// <summary>Where no models are named, those that come with the service are, and which of them answers for what.</summary>
    public void UseShippedModels()
    {
        if (Models.Count > 0)
        {
            return;
        }

        Models.Add(Path.Combine(AppContext.BaseDirectory, "models"));
        foreach (var (task, model) in ShippedDefaults)
        {
            Defaults.TryAdd(task, model);
        }
    }
}
