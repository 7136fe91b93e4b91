using VisionService.Detection;
using VisionService.Imaging;
using VisionService.Repository;
using VisionService.Segmentation;

namespace VisionService.Api.Calls;

/// <summary>Which pixel belongs to what. Drawn as PNG it is the map itself, its pixel values the class ids or object numbers; as
/// JPEG it lies over the image.</summary>
internal static class SegmentCall
{
    private const int DefaultMaxDetections = 300;

    private static readonly ParameterTable Parameters = new(
        Parameter.Choice("mask", MaskEncoder.Encodings, "rle", "How masks are written."),
        Parameter.Choice("mask_size", ["image", "network"], "image", "Maps of classes: as large as the image, or as what the network got of it, which is quicker."),
        Parameter.Number("score_threshold", 0, 1, "the model's, else 0.25; 0.5 for a foreground", "Lowest score of an object, or least probability of a foreground."),
        Parameter.Number("iou_threshold", 0, 1, "the model's, else 0.45", "Objects: two boxes that overlap more are one."),
        Parameter.Choice("nms", [.. SuppressionNames.All.Keys], "the model's, else class", "Objects: how duplicates are dropped."),
        Parameter.Integer("max_detections", 1, 10_000, "300", "Most objects in the answer."),
        Parameter.Classes("The classes to show"),
        Parameter.Number("opacity", 0, 1, "0.5", "How strongly image/jpeg shows the colours."));

    public static VisionCall<SegmentRequest, SegmentResult> Call { get; } = new("segment", Parameters, Bind) { Draw = Draw };

    public static SegmentResponse Answer(
        VisionAnswer<SegmentResult> answer, ImageAnswer<SegmentResult> image, ParameterValues parameters, TimingsMs timings)
    {
        var (size, labels) = (new ImageSize(image.Width, image.Height), answer.Model.Loaded!.Labels);
        var (map, objects) = (image.Result!.Map, image.Result.Objects);
        var masks = new MaskEncoder(parameters.Text("mask") ?? "rle", map is null ? size : new ImageSize(map.Width, map.Height));
        return new SegmentResponse(
            ModelIdentity.Of(answer.Model),
            size,
            map is null ? null : masks.Classes(map, labels),
            objects is null ? null : masks.Predictions(objects, labels),
            masks.Whole(image.Result, labels.Count),
            timings);
    }

    private static Func<RgbImage, SegmentRequest> Bind(ParameterValues parameters, LoadedModel model)
    {
        var classes = parameters.Texts("classes") is { } texts ? model.Labels.Resolve(texts) : null;
        float? minScore = parameters.Text("score_threshold") is null ? null : (float)parameters.Number("score_threshold", 0);
        float? maxIoU = parameters.Text("iou_threshold") is null ? null : (float)parameters.Number("iou_threshold", 0);
        var maxDetections = parameters.Integer("max_detections", DefaultMaxDetections);
        var suppression = parameters.Text("nms");
        var wantsAlpha = parameters.Text("mask") == "alpha";
        return image => new SegmentRequest(image, classes, minScore, maxIoU, maxDetections, suppression)
        {
            WantsAlpha = wantsAlpha,
            AtNetworkSize = parameters.Text("mask_size") == "network",
        };
    }

    private static byte[] Draw(
        RgbImage image, SegmentResult result, LoadedModel model, ParameterValues parameters, PictureFormat format)
    {
        var map = result.Map
            ?? LabelMap.OfInstances([.. result.Objects!.Select(found => found.Mask)], image.Width, image.Height);
        if (format == PictureFormat.Png)
        {
            return result.Objects is { } objects
                ? LabelPng.OfInstances(map, objects.Count)
                : LabelPng.OfClasses(map, map.CountIds(model.Labels.Count));
        }

        if (parameters.Text("mask_size") == "network")
        {
            throw new VisionException(
                VisionError.InvalidRequest, "Parameter 'mask_size' is network; image/jpeg shows the map over the image, as large as that.");
        }

        var opacity = (float)parameters.Number("opacity", 0.5);
        if (result.Map is null)
        {
            Overlay.Draw(image, map, Palette.Instances, opacity);
        }
        else
        {
            Overlay.Draw(image, map, Palette.Voc, opacity, result.Background);
        }

        return Pictures.Encode(image, format);
    }
}
