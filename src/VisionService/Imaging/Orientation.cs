namespace VisionService.Imaging;

/// <summary>Turns a picture as the camera stored it into an upright one.</summary>
internal static class Orientation
{
    private const int Tile = 32; // rows and columns of a block that stays in the first-level cache both ways

    /// <summary>True where width and height change places.</summary>
    public static bool Transposes(int orientation) => orientation >= 5;

    /// <summary>The upright picture. The one given is disposed of, or returned where it is upright already.</summary>
    /// <param name="stored">The picture as stored.</param>
    /// <param name="orientation">EXIF's 1-8.</param>
    public static RgbImage Upright(RgbImage stored, int orientation)
    {
        if (orientation == 1)
        {
            return stored;
        }

        // Walking the upright picture, the stored one is read from a corner with one step per column and one per row.
        var (width, height) = (stored.Width, stored.Height);
        var (right, below) = (3, width * 3);
        var (lastX, lastY) = ((width - 1) * right, (height - 1) * below);
        var (origin, stepX, stepY) = orientation switch
        {
            2 => (lastX, -right, below),
            3 => (lastX + lastY, -right, -below),
            4 => (lastY, right, -below),
            5 => (0, below, right),
            6 => (lastY, -below, right),
            7 => (lastX + lastY, -below, -right),
            8 => (lastX, below, -right),
            _ => throw new ArgumentOutOfRangeException(nameof(orientation)),
        };
        using (stored)
        {
            var upright = Transposes(orientation)
                ? new RgbImage(height, width, stored.SourceHeight, stored.SourceWidth) { Extent = Turn(stored, orientation) }
                : new RgbImage(width, height, stored.SourceWidth, stored.SourceHeight) { Extent = Turn(stored, orientation) };
            Copy(stored.Pixels, origin, stepX, stepY, upright);
            return upright;
        }
    }

    private static PixelBox Turn(RgbImage stored, int orientation)
    {
        var box = stored.Extent;
        var left = orientation is 2 or 3 or 7 or 8 ? stored.Width - box.Left - box.Width : box.Left;
        var top = orientation is 3 or 4 or 6 or 7 ? stored.Height - box.Top - box.Height : box.Top;
        return Transposes(orientation)
            ? new PixelBox(top, left, box.Height, box.Width)
            : new PixelBox(left, top, box.Width, box.Height);
    }

    private static void Copy(ReadOnlySpan<byte> stored, int origin, int stepX, int stepY, RgbImage upright)
    {
        var pixels = upright.Pixels;
        for (var top = 0; top < upright.Height; top += Tile)
        {
            var bottom = Math.Min(top + Tile, upright.Height);
            for (var left = 0; left < upright.Width; left += Tile)
            {
                var columns = Math.Min(Tile, upright.Width - left);
                for (var y = top; y < bottom; y++)
                {
                    var from = origin + (y * stepY) + (left * stepX);
                    var row = pixels.Slice(((y * upright.Width) + left) * 3, columns * 3);
                    for (var x = 0; x < row.Length; x += 3, from += stepX)
                    {
                        stored.Slice(from, 3).CopyTo(row[x..]);
                    }
                }
            }
        }
    }
}
