using System.ComponentModel.DataAnnotations;

namespace VisionService.Imaging;

/// <summary>What an uploaded picture may cost, and how it is read. Bound from the section "Imaging".</summary>
internal sealed class ImagingOptions
{
    /// <summary>Largest encoded picture in bytes. Default 20 MB: a 50 megapixel camera JPEG fits.</summary>
    [Range(1, 1_000_000_000)]
    public int MaxBytes { get; init; } = 20_000_000;

    /// <summary>Longest side in pixels, read from the header before any pixel is decoded. Default 16384.</summary>
    [Range(1, 65_535)]
    public int MaxSide { get; init; } = 16_384;

    /// <summary>Most pixels (width x height), read from the header. Default 50 million: 150 MB of RGB while
    /// decoding.</summary>
    [Range(1, 500_000_000)]
    public int MaxPixels { get; init; } = 50_000_000;

    /// <summary>What shines through transparent pixels, as "#rrggbb". Default white, the paper most drawings
    /// assume.</summary>
    [RegularExpression("^#[0-9a-fA-F]{6}$")]
    public string Background { get; init; } = "#ffffff";

    /// <summary>Decode JPEGs with libturbojpeg: null (default) when it is installed, true to insist on it at start,
    /// false never.</summary>
    public bool? UseTurbo { get; init; }
}
