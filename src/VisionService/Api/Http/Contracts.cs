using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using VisionService.Classification;
using VisionService.Detection;
using VisionService.Inference;
using VisionService.Repository;
using Evidence = VisionService.Repository.Evidence;

namespace VisionService.Api.Http;

internal sealed record ModelIdentity(string Name, string Version, string Task, string Family)
{
    public static ModelIdentity Of(ModelEntry entry) =>
        new(entry.Name, entry.Version, entry.Loaded!.Task, entry.Loaded.Family);
}

/// <param name="Width">Pixels, upright (EXIF applied).</param>
internal sealed record ImageSize(int Width, int Height);

/// <summary>Milliseconds of each stage of one image's way; the total is the whole request's, its upload
/// included.</summary>
internal sealed record TimingsMs(
    double Decode, double Preprocess, double Queue, double Inference, double Postprocess, double Total)
{
    public static TimingsMs Of(TimeSpan decode, StageTimings stages, TimeSpan total) => new(
        Ms(decode), Ms(stages.Preprocess), Ms(stages.Queue), Ms(stages.Inference), Ms(stages.Postprocess), Ms(total));

    private static double Ms(TimeSpan span) => Math.Round(span.TotalMilliseconds, 3);
}

internal sealed record ClassifyResponse(
    ModelIdentity Model, ImageSize Image, IReadOnlyList<ClassPrediction> Predictions, TimingsMs TimingsMs);

internal sealed record BoxEdges(float Xmin, float Ymin, float Xmax, float Ymax);

/// <param name="Score">0-1: how visible it is; 1 where the model does not say.</param>
internal sealed record KeyPointPlace(float X, float Y, float Score);

/// <param name="Box">Pixels of the upright image; xmax and ymax exclusive.</param>
/// <param name="KeyPoints">Left out where the model has none.</param>
internal sealed record DetectPrediction(
    string Label, int ClassId, float Score, BoxEdges Box, IReadOnlyList<KeyPointPlace>? KeyPoints)
{
    public static DetectPrediction Of(DetectedObject found, LabelList labels) => new(
        labels.NameOf(found.ClassId),
        found.ClassId,
        found.Score,
        new BoxEdges(found.Box.XMin, found.Box.YMin, found.Box.XMax, found.Box.YMax),
        found.KeyPoints.Count == 0 ? null : [.. found.KeyPoints.Select(point => new KeyPointPlace(point.X, point.Y, point.Score))]);
}

internal sealed record DetectResponse(
    ModelIdentity Model, ImageSize Image, IReadOnlyList<DetectPrediction> Predictions, TimingsMs TimingsMs);

/// <summary>A mask in the encoding that was asked for; the others' members are left out.</summary>
/// <param name="Size">Height and width of the upright image.</param>
/// <param name="Counts">COCO's compressed run lengths, down the columns.</param>
/// <param name="Polygons">Rings of x, y, x, y, ... for the even-odd rule: holes are rings too.</param>
/// <param name="Png">Base64: pixel values are class ids, or object numbers from 1.</param>
internal sealed record MaskAnswer(
    string Encoding, IReadOnlyList<int> Size, string? Counts, IReadOnlyList<IReadOnlyList<float>>? Polygons, byte[]? Png);

/// <param name="Fraction">Of the image's pixels, 0-1.</param>
/// <param name="Mask">With the encodings that are made class by class.</param>
internal sealed record ClassArea(int ClassId, string Label, long Pixels, double Fraction, MaskAnswer? Mask);

internal sealed record MaskedPrediction(
    string Label, int ClassId, float Score, BoxEdges Box, long Pixels, MaskAnswer? Mask);

/// <param name="Classes">Where the model names every pixel: the classes there are, largest first.</param>
/// <param name="Predictions">Where the model finds objects: best first.</param>
/// <param name="Mask">The whole map, with the encoding <c>png</c>.</param>
internal sealed record SegmentResponse(
    ModelIdentity Model,
    ImageSize Image,
    IReadOnlyList<ClassArea>? Classes,
    IReadOnlyList<MaskedPrediction>? Predictions,
    MaskAnswer? Mask,
    TimingsMs TimingsMs);

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
[JsonSerializable(typeof(DetectResponse))]
[JsonSerializable(typeof(SegmentResponse))]
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
