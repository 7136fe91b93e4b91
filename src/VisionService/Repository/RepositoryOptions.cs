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

    public void UseShippedModels()
    {
        if (Models.Count == 0)
        {
            Models.Add(Path.Combine(AppContext.BaseDirectory, "models"));
        }
    }
}
