using System.Text.Json;
using System.Text.Json.Serialization;

namespace VisionService.Detection.Evaluation;

/// <summary>What there is to find: COCO's <c>instances.json</c>.</summary>
internal sealed record CocoGroundTruth(
    IReadOnlyList<CocoImage> Images, IReadOnlyList<CocoCategory> Categories, IReadOnlyList<CocoAnnotation> Annotations)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <exception cref="JsonException">The text is not JSON of that form.</exception>
    public static CocoGroundTruth Read(Stream json) =>
        JsonSerializer.Deserialize<CocoGroundTruth>(json, Json) switch
        {
            not { Images: not null, Categories: not null, Annotations: not null } =>
                throw new JsonException("Images, categories and annotations are needed."),
            { Images: var images } when images.Any(static image => image?.FileName is null) =>
                throw new JsonException("An image has no file_name."),
            { Categories: var categories } when categories.Any(static category => category?.Name is null) =>
                throw new JsonException("A category has no name."),
            { Categories: var categories } when categories.DistinctBy(static category => category.Name).Count() < categories.Count =>
                throw new JsonException("Two categories have the same name."),
            { Annotations: var annotations } when annotations.Any(static annotation => annotation?.Bbox is not { Length: 4 }) =>
                throw new JsonException("An annotation has no bbox of four numbers."),
            var truth => truth,
        };
}

internal sealed record CocoImage(long Id, string FileName, int Width, int Height);

internal sealed record CocoCategory(int Id, string Name);

/// <param name="Bbox">Left, top, width, height in pixels.</param>
/// <param name="Area">Of the mask, in square pixels: what makes an object small or large.</param>
internal sealed record CocoAnnotation(long ImageId, int CategoryId, double[] Bbox, double Area)
{
    /// <summary>1 where the box holds many objects that nobody counted: what is found there is neither right nor
    /// wrong.</summary>
    [JsonPropertyName("iscrowd")]
    public int IsCrowd { get; init; }

    /// <summary>Polygons or RLE, as they stand.</summary>
    public JsonElement Segmentation { get; init; }
}
