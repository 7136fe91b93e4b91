using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Repository;

internal enum ModelState
{
    Loading,
    Ready,
    Failed,

    /// <summary>Taken out of service by an operator; its files are known, and it can be loaded again.</summary>
    Unloaded,

    /// <summary>Not loaded, to leave room for others; the first request that asks for it loads it.</summary>
    Idle,

    /// <summary>Its session broke, as when a device is lost, and could not be replaced yet; that is tried again.</summary>
    Lost,
}

/// <summary>One version of a name of the inventory.</summary>
/// <param name="Problem">Why it failed, for people; null otherwise.</param>
/// <param name="Loaded">The model, once ready.</param>
internal sealed record ModelEntry(
    string Name, string Version, ModelFiles Files, ModelState State, string? Problem = null, LoadedModel? Loaded = null)
{
    /// <summary>Why what lies there now is not served, while what was loaded before still is; null otherwise.</summary>
    public string? ReloadProblem { get; init; }

    /// <summary>What it was for when it was loaded last, for a model that is idle; null where it never was.</summary>
    public string? KnownTask { get; init; }

    /// <summary>Whether a request for it is answered, if need be after loading it.</summary>
    public bool CanAnswer => State is ModelState.Ready or ModelState.Idle;

    public bool IsOf(ModelFiles files) => files.Name == Name && files.Version == Version;
}

/// <summary>Why the service takes something about a model to be so.</summary>
/// <param name="Subject">What was concluded, such as "input normalisation".</param>
/// <param name="Source">Where it was read: the manifest, the graph, or an assumption.</param>
internal sealed record Evidence(string Subject, string Conclusion, string Source);

/// <summary>A model that answers, and what the service knows about it.</summary>
/// <param name="Geometry">How an image becomes the network's input.</param>
internal sealed record LoadedModel(
    Model Model,
    string Task,
    string Family,
    InputGeometry Geometry,
    LabelList Labels,
    IReadOnlyList<Evidence> Evidence,
    TimeSpan LoadDuration)
    : IDisposable
{
    /// <summary>The model as each of its tasks, as <see cref="Model{TRequest, TResult}"/>; its own first.</summary>
    public required IReadOnlyList<object> Tasks { get; init; }

    /// <summary>What the manifest says of answers where a caller says nothing: thresholds and how duplicates are
    /// dropped.</summary>
    public required ManifestOutput Defaults { get; init; }

    /// <summary>How pixels enter; null where no image is taken.</summary>
    public InputRecipe? Recipe { get; init; }

    /// <summary>Null where no image is taken.</summary>
    public Explainer? Explainer { get; init; }

    /// <summary>The model as its file has it.</summary>
    public required TensorModel Tensors { get; init; }

    /// <summary>The requests that use the model: it is disposed of when the last of them is done.</summary>
    public ModelUse Use { get; } = new();

    /// <summary>Closes the model once the last request that uses it is answered. Whoever calls has taken it out of the table
    /// before.</summary>
    public async Task CloseAsync()
    {
        await Use.EndAsync();
        Dispose();
        LoadMemory.GiveBack();
    }

    public void Dispose()
    {
        Model.Dispose();
        Tensors.Dispose();
        Explainer?.Dispose();
    }
}
