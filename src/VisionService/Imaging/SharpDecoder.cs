using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.PixelFormats;

namespace VisionService.Imaging;

/// <summary>Decodes through ImageSharp, after <see cref="ImageHeader"/> has looked the file over: the format is told,
/// not guessed, and metadata is never read.</summary>
internal static class SharpDecoder
{
    /// <summary>The picture as stored: not yet turned upright.</summary>
    /// <exception cref="VisionException">InvalidImage.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> encoded, ImageHeader header, Background background)
    {
        IImageDecoder decoder = header.Format switch
        {
            ImageFormat.Jpeg => new JpegDecoder { IgnoreMetadata = true },
            ImageFormat.Png => new PngDecoder { IgnoreMetadata = true },
            ImageFormat.WebP => new WebpDecoder { IgnoreMetadata = true },
            _ => new BmpDecoder(),
        };
        // A configuration of our own knows no formats and shares no memory.
        var configuration = new Configuration { MemoryAllocator = new DecodeMemory(header), MaxDegreeOfParallelism = 1 };
        try
        {
            if (header.HasAlpha)
            {
                using var transparent = Image.Load<Rgba32>(configuration, encoded, decoder);
                return Flatten(transparent, header, background);
            }

            using var opaque = Image.Load<Rgb24>(configuration, encoded, decoder);
            return Copy(opaque, header);
        }
        catch (Exception exception) when (exception is not VisionException)
        {
            // On hostile bytes the library throws whatever its arrays and streams throw; all of it means one thing.
            throw ImageHeader.Broken(header.Format, "it cannot be decoded", exception);
        }
    }

    private static RgbImage Copy(Image<Rgb24> decoded, ImageHeader header)
    {
        var image = NewImage(decoded, header);
        decoded.ProcessPixelRows(rows =>
        {
            for (var y = 0; y < rows.Height; y++)
            {
                System.Runtime.InteropServices.MemoryMarshal.AsBytes(rows.GetRowSpan(y)).CopyTo(image.Row(y));
            }
        });
        return image;
    }

    private static RgbImage Flatten(Image<Rgba32> decoded, ImageHeader header, Background background)
    {
        var image = NewImage(decoded, header);
        decoded.ProcessPixelRows(rows =>
        {
            for (var y = 0; y < rows.Height; y++)
            {
                var target = image.Row(y);
                foreach (var pixel in rows.GetRowSpan(y))
                {
                    background.Compose(target, pixel.R, pixel.G, pixel.B, pixel.A);
                    target = target[3..];
                }
            }
        });
        return image;
    }

    private static RgbImage NewImage(Image decoded, ImageHeader header) =>
        decoded.Width == header.Width && decoded.Height == header.Height
            ? new RgbImage(decoded.Width, decoded.Height)
            : throw ImageHeader.Broken(header.Format, "it holds another size than it says");
}
