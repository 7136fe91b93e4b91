using VisionService.Imaging;

namespace VisionService.Benchmarks.Imaging;

/// <summary>Something with the statistics of a photo: slopes, edges, and the grain of a sensor.</summary>
internal static class Photo
{
    public static RgbImage Draw(int width, int height)
    {
        var image = new RgbImage(width, height);
        var grain = 12345u;
        for (var y = 0; y < height; y++)
        {
            var row = image.Row(y);
            for (var x = 0; x < width; x++)
            {
                var (u, v) = ((double)x / width, (double)y / height);
                var shape = Math.Sin(u * 40) * Math.Cos(v * 30) > 0.3 ? 60 : 0;
                for (var channel = 0; channel < 3; channel++)
                {
                    grain = (grain * 1664525) + 1013904223;
                    row[(x * 3) + channel] = (byte)Math.Clamp(
                        (160 * u) + shape + (30 * Math.Sin((channel + 1) * v * 9)) + ((grain >> 28) - 8), 0, 255);
                }
            }
        }

        return image;
    }
}
