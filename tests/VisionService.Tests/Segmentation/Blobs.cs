using VisionService.Segmentation;

namespace VisionService.Tests.Segmentation;

/// <summary>Masks for tests.</summary>
internal static class Blobs
{
    /// <summary>From rows of text: anything but a dot is set.</summary>
    public static InstanceMask Of(params string[] rows)
    {
        var mask = new InstanceMask(0, 0, rows[0].Length, rows.Length);
        for (var y = 0; y < rows.Length; y++)
        {
            for (var x = 0; x < rows[y].Length; x++)
            {
                if (rows[y][x] is not ('.' or '0'))
                {
                    mask.Set(y, x, x + 1);
                }
            }
        }

        return mask;
    }

    /// <summary>Discs added and taken away again, and grains: parts, holes, parts in holes, touching corners.</summary>
    public static InstanceMask Random(int seed, int left = 0, int top = 0)
    {
#pragma warning disable CA5394 // the same blobs each time is the point
        var random = new Random(seed);
        var (width, height) = (random.Next(1, 150), random.Next(1, 90));
        var set = new bool[width, height];
        for (var disc = 0; disc < 12; disc++)
        {
            var (centerX, centerY, radius) = (random.Next(width), random.Next(height), random.Next(1, 30));
            for (var i = 0; i < set.Length; i++)
            {
                var (x, y) = (i % width, i / width);
                if (((x - centerX) * (x - centerX)) + ((y - centerY) * (y - centerY)) < radius * radius)
                {
                    set[x, y] = disc % 3 != 2;
                }
            }
        }

        var mask = new InstanceMask(left, top, width, height);
        for (var i = 0; i < set.Length; i++)
        {
            var (x, y) = (i % width, i / width);
            if (set[x, y] ^ (random.Next(100) < seed % 4 * 5))
            {
                mask.Set(y, x, x + 1);
            }
        }

        return mask;
#pragma warning restore CA5394
    }

    /// <summary>The pixels as text, row by row, for comparing.</summary>
    public static string Text(InstanceMask mask, int width, int height)
    {
        var text = new char[(width + 1) * height];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (column, row) = (x - mask.Left, y - mask.Top);
                var isInside = column >= 0 && row >= 0 && column < mask.Width && row < mask.Height;
                text[(y * (width + 1)) + x] = isInside && mask[column, row] ? '#' : '.';
            }

            text[(y * (width + 1)) + width] = '\n';
        }

        return new string(text);
    }
}
