using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Segmentation;

namespace VisionService.Api.Calls;

/// <summary>Writes masks in the encoding that a caller chose.</summary>
internal sealed class MaskEncoder(string encoding, ImageSize size)
{
    public static readonly string[] Encodings = ["rle", "polygon", "png", "alpha", "none"];

    private readonly int[] _size = [size.Height, size.Width];

    /// <summary>The classes that the map shows, largest first, each with its mask where masks are written one by
    /// one.</summary>
    public IReadOnlyList<ClassArea> Classes(LabelMap map, LabelList labels)
    {
        var pixels = map.CountPixels(map.CountIds(labels.Count));
        return
        [
            .. Enumerable.Range(0, pixels.Length)
                .Where(id => pixels[id] > 0)
                .OrderByDescending(id => pixels[id])
                .Select(id => new ClassArea(
                    id,
                    labels.NameOf(id),
                    pixels[id],
                    Math.Round((double)pixels[id] / map.Ids.Length, 6),
                    encoding is "rle" or "polygon" ? One(InstanceMask.Of(map, (ushort)id)) : null)),
        ];
    }

    public IReadOnlyList<MaskedPrediction> Predictions(IReadOnlyList<MaskedObject> objects, LabelList labels) =>
    [
        .. objects.Select(found => new MaskedPrediction(
            labels.NameOf(found.ClassId),
            found.ClassId,
            found.Score,
            new BoxEdges(found.Box.XMin, found.Box.YMin, found.Box.XMax, found.Box.YMax),
            found.Mask.Area,
            encoding is "rle" or "polygon" ? One(found.Mask) : null)),
    ];

    /// <summary>The whole map as a PNG, where that is the encoding: ids, or a foreground's opacity.</summary>
    public MaskAnswer? Whole(SegmentResult result, int classes) => encoding switch
    {
        "png" => Png(Ids(result, classes)),
        "alpha" when result.Alpha is { } alpha => Png(PngEncoder.Encode(alpha, size.Width, size.Height, PngColor.Grey)),
        _ => null,
    };

    private MaskAnswer Png(byte[] png) => new(encoding, _size, null, null, png);

    private byte[] Ids(SegmentResult result, int classes) => result.Map is { } map
        ? LabelPng.OfClasses(map, map.CountIds(classes))
        : LabelPng.OfInstances(
            LabelMap.OfInstances([.. result.Objects!.Select(found => found.Mask)], size.Width, size.Height),
            result.Objects!.Count);

    private MaskAnswer One(InstanceMask mask) => encoding == "rle"
        ? new MaskAnswer(encoding, _size, RleMask.Encode(mask, size.Width, size.Height).ToCompressedString(), null, null)
        : new MaskAnswer(encoding, _size, null, [.. Polygons.Of(mask).Select(Flat)], null);

    private static float[] Flat(PolygonRing ring) => [.. ring.Points.SelectMany(point => new[] { point.X, point.Y })];
}
