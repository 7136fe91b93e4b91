using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using SharpEncoder = SixLabors.ImageSharp.Formats.Jpeg.JpegEncoder;

namespace VisionService.Imaging;

/// <summary>Writes pictures as JPEG.</summary>
internal static class JpegEncoder
{
    private static readonly Configuration Formatless = new() { MaxDegreeOfParallelism = 1 };

    /// <summary>The pixels held, as a JPEG file.</summary>
    /// <param name="image">The picture; left alone.</param>
    /// <param name="quality">1-100; default 90, where text drawn on a photo stays clean.</param>
    public static byte[] Encode(RgbImage image, int quality = 90)
    {
        using var pixels = Image.LoadPixelData<Rgb24>(Formatless, image.Pixels, image.Width, image.Height);
        using var file = new MemoryStream();
        pixels.Save(file, new SharpEncoder { Quality = quality });
        return file.ToArray();
    }
}
