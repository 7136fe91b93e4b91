using System.ComponentModel.DataAnnotations;

namespace VisionService.Repository;

/// <summary>Where the models are; section <c>Repository</c>.</summary>
internal sealed class RepositoryOptions
{
    /// <summary>Folders of models, model folders, or ONNX files. Default: the models that come with the service.</summary>
    [MinLength(1)]
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>The model that answers for a task when a request names none, by task. Default: the first by name.</summary>
    public IReadOnlyDictionary<string, string> Defaults { get; init; } = new Dictionary<string, string>();
}
