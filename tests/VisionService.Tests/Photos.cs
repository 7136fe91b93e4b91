using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.PixelFormats;

namespace VisionService.Tests;

/// <summary>Image files of one colour, made at test time.</summary>
internal static class Photos
{
    public static byte[] Red { get; } = Of(new Rgb24(255, 0, 0));

    public static byte[] Green { get; } = Of(new Rgb24(0, 255, 0));

    public static byte[] White { get; } = Of(new Rgb24(255, 255, 255));

    public static byte[] Black { get; } = Of(new Rgb24(0, 0, 0));

    public static byte[] Of(Rgb24 color, IImageEncoder? encoder = null, int width = 4, int height = 4)
    {
        using var image = new Image<Rgb24>(width, height, color);
        return Encode(image, encoder);
    }

    public static byte[] Encode(Image<Rgb24> image, IImageEncoder? encoder = null)
    {
        using var file = new MemoryStream();
        image.Save(file, encoder ?? new PngEncoder());
        return file.ToArray();
    }
}
