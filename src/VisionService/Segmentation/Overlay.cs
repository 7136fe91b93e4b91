using VisionService.Imaging;

namespace VisionService.Segmentation;

/// <summary>Label maps drawn over the picture they belong to.</summary>
internal static class Overlay
{
    /// <summary>Tints every labelled pixel and draws a darker line along the inside of each region's border.</summary>
    /// <param name="image">Changed in place.</param>
    /// <param name="map">Of the image's size.</param>
    /// <param name="palette">[n, 3]; ids beyond it start over from 1.</param>
    /// <param name="opacity">0: the picture; 1: the colours alone.</param>
    /// <param name="background">An id that is left as it is, like void; null: none.</param>
    public static void Draw(
        RgbImage image, LabelMap map, ReadOnlySpan<byte> palette, float opacity = 0.5f, int? background = 0)
    {
        if ((image.Width, image.Height) != (map.Width, map.Height))
        {
            throw new ArgumentException(
                $"The picture is {image.Width} x {image.Height}, the map {map.Width} x {map.Height}.", nameof(map));
        }

        var weight = (int)((Math.Clamp(opacity, 0, 1) * 256) + 0.5f);
        var lineWeight = Math.Min(2 * weight, 256); // a full line from the default opacity on
        var line = LineWidth(map.Width, map.Height);
        for (var y = 0; y < map.Height; y++)
        {
            var ids = map.Row(y);
            var pixels = image.Row(y);
            for (var x = 0; x < ids.Length; x++)
            {
                var id = ids[x];
                if (id == background || id == LabelMap.Void)
                {
                    continue;
                }

                var color = palette.Slice(Color(id, palette.Length / 3) * 3, 3);
                var isBorder = IsBorder(map, x, y, id, line);
                for (var channel = 0; channel < 3; channel++)
                {
                    ref var value = ref pixels[(x * 3) + channel];
                    value = isBorder
                        ? (byte)(value + ((((color[channel] / 2) - value) * lineWeight) >> 8))
                        : (byte)(value + (((color[channel] - value) * weight) >> 8));
                }
            }
        }
    }

    /// <summary>One pixel at web size, more where the picture will be scaled down to be looked at.</summary>
    private static int LineWidth(int width, int height) =>
        Math.Max(1, (int)Math.Round(Math.Sqrt((double)width * height) / 640));

    private static int Color(int id, int count) => id < count ? id : 1 + ((id - 1) % (count - 1));

    /// <summary>Whether another region starts within <paramref name="distance"/> pixels; the image's own edge is no
    /// border.</summary>
    private static bool IsBorder(LabelMap map, int x, int y, ushort id, int distance)
    {
        var ids = map.Row(y);
        for (var d = 1; d <= distance; d++)
        {
            if ((x >= d && ids[x - d] != id) || (x + d < map.Width && ids[x + d] != id)
                || (y >= d && map.Row(y - d)[x] != id) || (y + d < map.Height && map.Row(y + d)[x] != id))
            {
                return true;
            }
        }

        return false;
    }
}
