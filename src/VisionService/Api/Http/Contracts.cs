using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using VisionService.Classification;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Api.Http;

internal sealed record ModelIdentity(string Name, string Version, string Task, string Family)
{
    public static ModelIdentity Of(ModelEntry entry) =>
        new(entry.Name, entry.Version, entry.Loaded!.Task, entry.Loaded.Family);
}

/// <param name="Width">Pixels, upright (EXIF applied).</param>
internal sealed record ImageSize(int Width, int Height);

/// <summary>Milliseconds of each stage of one image's way; the total is the whole request's, its upload included.</summary>
internal sealed record TimingsMs(
    double Decode, double Preprocess, double Queue, double Inference, double Postprocess, double Total)
{
    public static TimingsMs Of(TimeSpan decode, StageTimings stages, TimeSpan total) => new(
        Ms(decode), Ms(stages.Preprocess), Ms(stages.Queue), Ms(stages.Inference), Ms(stages.Postprocess), Ms(total));

    private static double Ms(TimeSpan span) => Math.Round(span.TotalMilliseconds, 3);
}

internal sealed record ClassifyResponse(
    ModelIdentity Model, ImageSize Image, IReadOnlyList<ClassPrediction> Predictions, TimingsMs TimingsMs);

internal sealed record ModelSummary(string Name, string Version, string State, string? Task, string? Family, string? Problem)
{
    public static ModelSummary Of(ModelEntry entry) => new(
        entry.Name, entry.Version, StateName(entry), entry.Loaded?.Task, entry.Loaded?.Family, entry.Problem);

    public static string StateName(ModelEntry entry) => entry.State.ToString().ToLowerInvariant();
}

internal sealed record ModelList(IReadOnlyList<ModelSummary> Models);

internal sealed record InputDetails(int Channels, int Height, int Width);

internal sealed record BatchingDetails(int Runners, int MaxBatchSize, double MaxQueueDelayMs, int MaxQueueSize, int QueueLength);

internal sealed record ModelDetails(
    string Name,
    string Version,
    string State,
    string? Task,
    string? Family,
    string? Problem,
    InputDetails? Input,
    IReadOnlyList<string>? Labels,
    BatchingDetails? Batching,
    double? LoadMs,
    IReadOnlyList<Evidence>? Evidence)
{
    public static ModelDetails Of(ModelEntry entry)
    {
        var loaded = entry.Loaded;
        var batching = loaded?.Model.Batching;
        return new ModelDetails(
            entry.Name,
            entry.Version,
            ModelSummary.StateName(entry),
            loaded?.Task,
            loaded?.Family,
            entry.Problem,
            loaded is null ? null : new InputDetails(loaded.Model.Input.Channels, loaded.Model.Input.Height, loaded.Model.Input.Width),
            loaded?.Labels.Names,
            batching is null ? null : new BatchingDetails(
                batching.Runners,
                batching.MaxBatchSize,
                batching.MaxQueueDelay.TotalMilliseconds,
                batching.MaxQueueSize,
                loaded!.Model.QueueLength),
            loaded is null ? null : Math.Round(loaded.LoadDuration.TotalMilliseconds, 1),
            loaded?.Evidence);
    }
}

/// <param name="Status"><c>ready</c>, <c>loading</c> or <c>unavailable</c>.</param>
internal sealed record Health(string Status, string Provider, IReadOnlyList<ModelSummary> Models);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(ClassifyResponse))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ModelDetails))]
[JsonSerializable(typeof(Health))]
internal sealed partial class ContractsJson : JsonSerializerContext
{
    /// <summary>As generated, but quotes and letters of any script stay readable: nothing here is embedded in HTML.</summary>
    public static ContractsJson Readable => field ??= new(new JsonSerializerOptions(Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
