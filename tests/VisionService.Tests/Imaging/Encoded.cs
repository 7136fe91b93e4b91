using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Imaging;

namespace VisionService.Tests.Imaging;

/// <summary>Files made at test time.</summary>
internal static class Encoded
{
    /// <summary>Smooth colours with a disc: something that every format keeps well.</summary>
    public static RgbImage Scene(int width, int height)
    {
        var image = new RgbImage(width, height);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var inside = Math.Pow(x - (width / 3.0), 2) + Math.Pow(y - (height / 2.0), 2) < height * height / 16.0;
                var pixel = image.Row(y).Slice(x * 3, 3);
                pixel[0] = (byte)(255 * x / width);
                pixel[1] = (byte)(255 * y / height);
                pixel[2] = inside ? (byte)220 : (byte)40;
            }
        }

        return image;
    }

    public static byte[] Scene(int width, int height, IImageEncoder encoder)
    {
        using var scene = Scene(width, height);
        return Encode(scene, encoder);
    }

    public static byte[] Encode(RgbImage image, IImageEncoder encoder)
    {
        using var pixels = SixLabors.ImageSharp.Image.LoadPixelData<Rgb24>(image.Pixels, image.Width, image.Height);
        using var file = new MemoryStream();
        pixels.Save(file, encoder);
        return file.ToArray();
    }

    /// <summary>Puts an EXIF block with an orientation into a JPEG, right behind its first marker.</summary>
    public static byte[] WithOrientation(byte[] jpeg, int orientation)
    {
        byte[] exif =
        [
            0xFF, 0xE1, 0, 34, (byte)'E', (byte)'x', (byte)'i', (byte)'f', 0, 0,
            (byte)'M', (byte)'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0,
        ];
        return [.. jpeg[..2], .. exif, .. jpeg[2..]];
    }
}
