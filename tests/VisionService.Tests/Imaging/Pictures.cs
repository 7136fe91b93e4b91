using VisionService.Imaging;

namespace VisionService.Tests.Imaging;

/// <summary>Pictures for tests, and how far two of them are apart.</summary>
internal static class Pictures
{
    public static ImageDecoder Decoder(bool? useTurbo = null) => new(new ImagingOptions { UseTurbo = useTurbo });

    public static RgbImage Flower() => Decoder().Decode(SharedFiles.Bytes("explain/ops/images/flower.rgb.png"));

    /// <summary>Noise with a fixed seed.</summary>
    public static RgbImage Noise(int width, int height, int seed = 1)
    {
        var image = new RgbImage(width, height);
#pragma warning disable CA5394 // the same noise each time is the point
        new Random(seed).NextBytes(image.Pixels);
#pragma warning restore CA5394
        return image;
    }

    public static RgbImage Crop(RgbImage image, int left, int top, int width, int height)
    {
        var crop = new RgbImage(width, height);
        for (var y = 0; y < height; y++)
        {
            image.Row(top + y).Slice(left * 3, width * 3).CopyTo(crop.Row(y));
        }

        return crop;
    }

    public static byte[] Write(RgbImage image, InputGeometry geometry, int channels = 3)
    {
        var planes = new byte[channels * geometry.Width * geometry.Height];
        Planes.Write(image, geometry.Place(image.SourceWidth, image.SourceHeight), planes, channels);
        return planes;
    }

    /// <summary>[3, H, W] to [H, W, 3].</summary>
    public static byte[] Interleave(ReadOnlySpan<byte> planes)
    {
        var area = planes.Length / 3;
        var pixels = new byte[planes.Length];
        for (var i = 0; i < planes.Length; i++)
        {
            pixels[i] = planes[(i % 3 * area) + (i / 3)];
        }

        return pixels;
    }

    public static (int Max, double Mean) Difference(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        Assert.Equal(a.Length, b.Length);
        var (max, sum) = (0, 0L);
        for (var i = 0; i < a.Length; i++)
        {
            var difference = Math.Abs(a[i] - b[i]);
            (max, sum) = (Math.Max(max, difference), sum + difference);
        }

        return (max, (double)sum / a.Length);
    }
}
