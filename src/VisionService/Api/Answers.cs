using VisionService.Classification;
using VisionService.Detection;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Api;

// What the four tasks answer, whatever the transport: JSON writes these records as they are, gRPC as messages of the same names.

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

/// <param name="Box">Objects: pixels of the upright image.</param>
internal sealed record ExplainedAnswer(string Label, int ClassId, float Score, BoxEdges? Box);

/// <param name="Values">Row by row, as the method gives them.</param>
internal sealed record HeatGrid(int Width, int Height, IReadOnlyList<float> Values);

/// <param name="Width">Of the picture, which covers the whole upright image.</param>
/// <param name="Png">Base64: pixel values 1 to 255 are cold to hot, with the colour map as palette; 0, transparent, was
/// not seen.</param>
/// <param name="Grid">The raw map over the network's input.</param>
internal sealed record HeatMapAnswer(int Width, int Height, byte[] Png, HeatGrid Grid);

/// <param name="Deletion">Area under the score while the hottest places are taken away: small is good. 0-1 of the
/// image.</param>
/// <param name="Insertion">The same while they are put back: large is good.</param>
/// <param name="RandomDeletion">What a random map gets: a map that does no better explains nothing.</param>
internal sealed record FaithfulnessAnswer(double Deletion, double Insertion, double RandomDeletion, double RandomInsertion);

/// <param name="Shape">Channels, height, width.</param>
/// <param name="Values">Row-major.</param>
internal sealed record ActivationsAnswer(IReadOnlyList<int> Shape, IReadOnlyList<float> Values);

internal sealed record Explained(ExplainedAnswer Target, HeatMapAnswer Heatmap, FaithfulnessAnswer? Faithfulness);

/// <param name="Target">What is explained.</param>
/// <param name="Explanations">Instead, where several classes are asked for: one for each.</param>
/// <param name="Seen">The part of the image that the network saw, pixels of the upright image.</param>
internal sealed record ExplainResponse(
    ModelIdentity Model,
    ImageSize Image,
    ExplainedAnswer? Target,
    string Method,
    string? Layer,
    HeatMapAnswer? Heatmap,
    FaithfulnessAnswer? Faithfulness,
    IReadOnlyList<Explained>? Explanations,
    ActivationsAnswer? Activations,
    BoxEdges Seen,
    TimingsMs TimingsMs)
{
    // A heat map is smooth: more pixels would only cost.
    private const int LongestSide = 512;

    public static ExplainResponse Of(ModelEntry model, ImageSize image, ExplainResult result, ColorMap colors, TimingsMs timings)
    {
        var scale = Math.Min(1, (double)LongestSide / Math.Max(image.Width, image.Height));
        var size = new ImageSize(Math.Max(1, (int)Math.Round(image.Width * scale)), Math.Max(1, (int)Math.Round(image.Height * scale)));
        Explained[] explained = [.. result.Targets.Select(target => Of(target, result, size, colors))];
        var only = explained.Length == 1 ? explained[0] : null;
        var grid = result.Layer?.Grid;
        return new ExplainResponse(
            ModelIdentity.Of(model),
            image,
            only?.Target,
            ExplainMethods.Name(result.Method),
            result.Layer?.Name,
            only?.Heatmap,
            only?.Faithfulness,
            explained.Length > 1 ? explained : null,
            result.Activations is { } values ? new ActivationsAnswer([grid!.Channels, grid.Height, grid.Width], values) : null,
            SeenOf(result.Placement),
            timings);
    }

    private static Explained Of(ExplainedTarget explained, ExplainResult result, ImageSize size, ColorMap colors)
    {
        var (target, map) = (explained.Target, explained.Map);
        return new Explained(
            new ExplainedAnswer(
                target.Label,
                target.ClassId,
                target.Score,
                target.Box is { } box
                    ? new BoxEdges((float)box.Left, (float)box.Top, (float)(box.Left + box.Width), (float)(box.Top + box.Height))
                    : null),
            new HeatMapAnswer(
                size.Width,
                size.Height,
                HeatMapPicture.Bare(explained.ShownMap(result.Method), result.Placement, colors, size.Width, size.Height),
                new HeatGrid(map.Width, map.Height, map.Values)),
            explained.Faithfulness is { } scores
                ? new FaithfulnessAnswer(scores.Deletion, scores.Insertion, scores.RandomDeletion, scores.RandomInsertion)
                : null);
    }

    private static BoxEdges SeenOf(Placement placement) => new(
        Math.Max(0, placement.ToSourceX(placement.Left)),
        Math.Max(0, placement.ToSourceY(placement.Top)),
        Math.Min(placement.SourceWidth, placement.ToSourceX(placement.Left + placement.VisibleWidth)),
        Math.Min(placement.SourceHeight, placement.ToSourceY(placement.Top + placement.VisibleHeight)));
}
