namespace VisionService.Imaging;

/// <summary>The order of a pixel's bytes.</summary>
internal enum PixelFormat
{
    Rgb,
    Bgr,
    Rgba,
    Bgra,
    Grey,
}

/// <summary>How bare pixels lie in memory: upright rows, top first.</summary>
/// <param name="Stride">Bytes from row to row; 0: no gaps.</param>
internal readonly record struct RawPixels(int Width, int Height, int Stride, PixelFormat Format)
{
    public int BytesPerPixel => Format switch
    {
        PixelFormat.Grey => 1,
        PixelFormat.Rgb or PixelFormat.Bgr => 3,
        _ => 4,
    };

    /// <summary>Why so many bytes cannot be this picture, in words for whoever sent them; null where they can.</summary>
    /// <remarks>The last row may end without its gap, as a view of a larger picture does.</remarks>
    public string? Lack(int bytes)
    {
        var row = (long)Width * BytesPerPixel;
        var step = Stride == 0 ? row : Stride;
        var least = (step * (Height - 1L)) + row;
        return Width <= 0 || Height <= 0 ? $"their size is {Width} x {Height}"
            : step < row ? $"a stride of {Stride} bytes is less than a row of {Width} pixels, {row} bytes"
            : bytes < least ? $"{Width} x {Height} pixels take {least} bytes, not {bytes}"
            : bytes > step * Height ? $"{Width} x {Height} pixels take {step * Height} bytes, not {bytes}"
            : null;
    }

    /// <summary>Writes the pixels as RGB; those of bytes that can be this picture.</summary>
    /// <param name="background">What shines through transparent pixels.</param>
    public void CopyTo(RgbImage image, ReadOnlySpan<byte> bytes, Background background)
    {
        var row = Width * BytesPerPixel;
        for (var y = 0; y < Height; y++)
        {
            CopyRow(bytes.Slice((int)(y * (long)(Stride == 0 ? row : Stride)), row), image.Row(y), background);
        }
    }

    private void CopyRow(ReadOnlySpan<byte> from, Span<byte> to, Background background)
    {
        if (Format == PixelFormat.Rgb)
        {
            from.CopyTo(to);
            return;
        }

        var size = BytesPerPixel;
        var (red, green, blue) = Format switch
        {
            PixelFormat.Grey => (0, 0, 0),
            PixelFormat.Rgba => (0, 1, 2),
            _ => (2, 1, 0),
        };
        for (int x = 0, at = 0; x < to.Length; x += 3, at += size)
        {
            if (size == 4)
            {
                background.Compose(to[x..], from[at + red], from[at + green], from[at + blue], from[at + 3]);
            }
            else
            {
                (to[x], to[x + 1], to[x + 2]) = (from[at + red], from[at + green], from[at + blue]);
            }
        }
    }
}
