using System.Text.Json;
using VisionService.Detection.Evaluation;
using VisionService.Repository;
using VisionService.Segmentation;

namespace VisionService.Commands;

/// <summary>The masks of COCO's annotations: polygons drawn as COCO draws them, and run lengths.</summary>
internal static class CocoMasks
{
    /// <returns>By annotation; null where the file has boxes only.</returns>
    /// <exception cref="ModelLoadException">An annotation lacks its mask, or it cannot be read.</exception>
    public static RleMask[]? Of(CocoGroundTruth truth)
    {
        if (truth.Annotations.All(static annotation => annotation.Segmentation.ValueKind == JsonValueKind.Undefined))
        {
            return null;
        }

        var images = truth.Images.DistinctBy(static image => image.Id).ToDictionary(static image => image.Id);
        return
        [
            .. truth.Annotations.Select((annotation, index) => images.TryGetValue(annotation.ImageId, out var image)
                ? Read(annotation.Segmentation, image, index)
                : throw new ModelLoadException(
                    $"Annotation {index} belongs to image {annotation.ImageId}, which is not in the list of images.")),
        ];
    }

    private static RleMask Read(JsonElement mask, CocoImage image, int index)
    {
        try
        {
            return mask.ValueKind switch
            {
                JsonValueKind.Array =>
                    CocoPolygon.EncodeAll(mask.EnumerateArray().Select(Numbers), image.Width, image.Height),
                JsonValueKind.Object => RunLengths(mask, image),
                _ => throw new FormatException("it is missing."),
            };
        }
        catch (Exception exception) when (exception is
            FormatException or InvalidOperationException or KeyNotFoundException or OverflowException)
        {
            throw new ModelLoadException(
                $"The mask of annotation {index}, on '{image.FileName}', cannot be read: {exception.Message}",
                exception);
        }
    }

    private static double[] Numbers(JsonElement polygon) =>
        [.. polygon.EnumerateArray().Select(static number => number.GetDouble())];

    private static RleMask RunLengths(JsonElement mask, CocoImage image)
    {
        var size = Numbers(mask.GetProperty("size"));
        if (size is not [var height, var width] || (width, height) != (image.Width, image.Height))
        {
            throw new FormatException(
                $"its height and width are {string.Join(" and ", size)}; the image is {image.Width} x {image.Height}.");
        }

        var counts = mask.GetProperty("counts");
        return counts.ValueKind == JsonValueKind.String
            ? RleMask.Parse(counts.GetString()!, image.Width, image.Height)
            : RleMask.Of(
                [.. counts.EnumerateArray().Select(static count => count.GetInt32())], image.Width, image.Height);
    }
}
