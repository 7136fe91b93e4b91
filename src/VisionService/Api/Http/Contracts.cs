using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using VisionService.Explanation;
using VisionService.Repository;
using Evidence = VisionService.Repository.Evidence;

namespace VisionService.Api.Http;

/// <param name="Layout">How the shape lies over the image: <c>planar</c> [N, K, h, w], <c>interleaved</c> [N, h, w, K] or
/// <c>tokens</c> [N, T, K].</param>
internal sealed record LayerGridDetails(string Layout, int Channels, int Height, int Width);

/// <param name="Shape">For one image, batch axis included.</param>
/// <param name="Grid">Left out where the layer does not lie over the image and cannot be explained with.</param>
internal sealed record LayerDetails(string Name, string Operator, IReadOnlyList<long> Shape, LayerGridDetails? Grid)
{
    public static LayerDetails Of(Layer layer) => new(
        layer.Name,
        layer.Operator,
        layer.Shape,
        layer.Grid is { } grid
            ? new LayerGridDetails(grid.Layout.ToString().ToLowerInvariant(), grid.Channels, grid.Height, grid.Width)
            : null);
}

internal sealed record LayerList(IReadOnlyList<LayerDetails> Layers);

/// <param name="ReloadProblem">Why what lies there now is not served, while what was loaded before still is.</param>
internal sealed record ModelSummary(
    string Name, string Version, string State, string? Task, string? Family, string? Problem, string? ReloadProblem)
{
    public static ModelSummary Of(ModelEntry entry) => new(
        entry.Name, entry.Version, StateName(entry), entry.Loaded?.Task ?? entry.KnownTask, entry.Loaded?.Family, entry.Problem, entry.ReloadProblem);

    public static string StateName(ModelEntry entry) => entry.State.ToString().ToLowerInvariant();
}

internal sealed record ModelList(IReadOnlyList<ModelSummary> Models);

internal sealed record InputDetails(int Channels, int Height, int Width);

internal sealed record BatchingDetails(int Runners, int MaxBatchSize, double MaxQueueDelayMs, int MaxQueueSize, int QueueLength, int Running);

/// <param name="MillisecondsPerImage">Of one more image in a run.</param>
/// <param name="MillisecondsPerRun">Of a run, whatever its size.</param>
/// <param name="PredictedWaitMs">How long a newcomer would wait for its run.</param>
internal sealed record CostDetails(double MillisecondsPerImage, double MillisecondsPerRun, double PredictedWaitMs)
{
    public static CostDetails Of(Inference.Model model) => new(
        Math.Round(model.Cost.PerRow, 3), Math.Round(model.Cost.PerRun, 3), Math.Round(model.PredictedWait.TotalMilliseconds, 1));
}

/// <param name="State">Of a version: <c>loading</c>, <c>ready</c>, <c>failed</c>, <c>unloaded</c>, <c>idle</c> or
/// <c>lost</c>.</param>
internal sealed record ModelVersion(string Version, string State, string? Problem);

/// <param name="Versions">All there are of the name, the newest first.</param>
/// <param name="ReloadProblem">Why what lies there now is not served, while what was loaded before still is.</param>
internal sealed record ModelDetails(
    string Name,
    string Version,
    IReadOnlyList<ModelVersion> Versions,
    string State,
    string? Task,
    string? Family,
    string? Problem,
    string? ReloadProblem,
    InputDetails? Input,
    IReadOnlyList<string>? Labels,
    BatchingDetails? Batching,
    CostDetails? Cost,
    double? LoadMs,
    IReadOnlyList<Evidence>? Evidence)
{
    public static ModelDetails Of(ModelEntry entry, IReadOnlyList<ModelEntry> versions)
    {
        var loaded = entry.Loaded;
        var batching = loaded?.Model.Batching;
        return new ModelDetails(
            entry.Name,
            entry.Version,
            [.. versions.Select(static version => new ModelVersion(version.Version, ModelSummary.StateName(version), version.Problem))],
            ModelSummary.StateName(entry),
            loaded?.Task ?? entry.KnownTask,
            loaded?.Family,
            entry.Problem,
            entry.ReloadProblem,
            loaded is null or { Model.Input.Length: 0 } ? null : new InputDetails(loaded.Model.Input.Channels, loaded.Model.Input.Height, loaded.Model.Input.Width),
            loaded?.Labels.Names,
            batching is null ? null : new BatchingDetails(
                batching.Runners,
                batching.MaxBatchSize,
                batching.MaxQueueDelay.TotalMilliseconds,
                batching.MaxQueueSize,
                loaded!.Model.QueueLength,
                loaded.Model.Running),
            loaded is null ? null : CostDetails.Of(loaded.Model),
            loaded is null ? null : Math.Round(loaded.LoadDuration.TotalMilliseconds, 1),
            loaded?.Evidence);
    }
}

/// <param name="Status"><c>ready</c>, <c>loading</c>, <c>unavailable</c> or <c>draining</c>.</param>
internal sealed record Health(string Status, string Provider, IReadOnlyList<ModelSummary> Models);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(ImageProblem))]
[JsonSerializable(typeof(ClassifyResponse))]
[JsonSerializable(typeof(DetectResponse))]
[JsonSerializable(typeof(SegmentResponse))]
[JsonSerializable(typeof(ExplainResponse))]
[JsonSerializable(typeof(LayerList))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ModelDetails))]
[JsonSerializable(typeof(Health))]
internal sealed partial class ContractsJson : JsonSerializerContext
{
    /// <summary>As generated, but quotes and letters of any script stay readable: nothing here is embedded in
    /// HTML.</summary>
    public static ContractsJson Readable => field ??= new(new JsonSerializerOptions(Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
