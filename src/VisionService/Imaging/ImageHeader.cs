namespace VisionService.Imaging;

/// <summary>What the file says about its picture, read without decoding a pixel or allocating for one.</summary>
/// <param name="Format">The format.</param>
/// <param name="Width">Width as stored, before orientation.</param>
/// <param name="Height">Height as stored.</param>
internal readonly record struct ImageHeader(ImageFormat Format, int Width, int Height)
{
    /// <summary>EXIF's 1-8; 1 is upright.</summary>
    public int Orientation { get; init; } = 1;

    /// <summary>Pixels may be transparent.</summary>
    public bool HasAlpha { get; init; }

    /// <summary>JPEG: C, M, Y and K instead of R, G and B.</summary>
    public bool IsCmyk { get; init; }

    /// <summary>JPEG: written by Adobe's rule, so that CMYK is stored inverted.</summary>
    public bool IsAdobe { get; init; }

    /// <summary>WebP: moving; only the first frame is shown.</summary>
    public bool IsAnimated { get; init; }

    /// <summary>Why the file cannot hold the picture that it claims; null where it can. The limits on size are asked
    /// first.</summary>
    public string? Lack { get; init; }

    /// <summary>Reads the header of a file of any format.</summary>
    /// <exception cref="VisionException">InvalidImage: not a picture, truncated, or broken.</exception>
    public static ImageHeader Read(ReadOnlySpan<byte> file)
    {
        var cursor = new ByteCursor(file);
        var header = FormatSniffer.Recognize(file) switch
        {
            ImageFormat.Jpeg => JpegHeader.Read(ref cursor),
            ImageFormat.Png => Png(ref cursor),
            ImageFormat.WebP => WebP(ref cursor),
            ImageFormat.Bmp => Bmp(ref cursor),
            _ => Gif(ref cursor),
        };
        return header.Width > 0 && header.Height > 0
            ? header
            : throw Broken(header.Format, $"its size is {header.Width} x {header.Height}");
    }

    /// <summary>The exception for a file that contradicts its format.</summary>
    public static VisionException Broken(ImageFormat format, string why, Exception? inner = null) =>
        new(VisionError.InvalidImage, $"The {format} file is damaged: {why}.", inner);

    private static ImageHeader Png(ref ByteCursor cursor)
    {
        cursor.Skip(8);
        if (cursor.U32Big() != 13 || !cursor.Take(4).SequenceEqual("IHDR"u8))
        {
            throw Broken(ImageFormat.Png, "it does not begin with its size");
        }

        var (width, height) = (cursor.U32Big(), cursor.U32Big());
        if (width > int.MaxValue || height > int.MaxValue)
        {
            throw Broken(ImageFormat.Png, $"its size is {width} x {height}");
        }

        var bits = cursor.U8();
        var color = cursor.U8();
        var header = new ImageHeader(ImageFormat.Png, (int)width, (int)height) { HasAlpha = color is 4 or 6 };
        cursor.Skip(3 + 4);
        var least = LeastBytes(width, height, bits, color);
        long compressed = 0;
        while (true)
        {
            var length = cursor.U32Big();
            var type = cursor.Take(4);
            var content = cursor.Take(length);
            cursor.Skip(4);
            switch (type)
            {
                case [(byte)'I', (byte)'D', (byte)'A', (byte)'T']:
                    compressed += length;
                    break;
                case [(byte)'t', (byte)'R', (byte)'N', (byte)'S']:
                    header = header with { HasAlpha = true };
                    break;
                case [(byte)'e', (byte)'X', (byte)'I', (byte)'f']:
                    header = header with { Orientation = Exif.Orientation(content) };
                    break;
                case [(byte)'I', (byte)'H', (byte)'D', (byte)'R']: // a second one makes decoders allocate again under their own feet
                    throw Broken(ImageFormat.Png, "it has two headers");
                case [(byte)'I', (byte)'E', (byte)'N', (byte)'D']:
                    return compressed > 0
                        ? header with { Lack = compressed < least ? $"{compressed} bytes cannot hold {width} x {height} pixels" : null }
                        : throw Broken(ImageFormat.Png, "it has no pixels");
            }
        }
    }

    /// <summary>
    /// What the pixels take at the very least: deflate never packs more than 1032 bytes into one. A short file that
    /// claims to be a large picture is refused before anybody makes room for it.
    /// </summary>
    private static long LeastBytes(uint width, uint height, int bits, int color)
    {
        const int MostPerByte = 1032;
        var samples = color switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        var row = (((long)width * bits * samples) + 7) / 8;
        return Math.Max(1, row * height / MostPerByte);
    }

    private static ImageHeader WebP(ref ByteCursor cursor)
    {
        cursor.Skip(4);
        var size = cursor.U32Little();
        var chunks = new ByteCursor(cursor.Take(size));
        chunks.Skip(4);
        var header = new ImageHeader(ImageFormat.WebP, 0, 0);
        while (chunks.Remaining >= 8)
        {
            var type = chunks.Take(4);
            var length = chunks.U32Little();
            var content = new ByteCursor(chunks.Take(length));
            chunks.Skip(Math.Min(length & 1, chunks.Remaining));
            if (type.SequenceEqual("VP8X"u8))
            {
                var flags = content.U8();
                content.Skip(3);
                header = header with
                {
                    HasAlpha = (flags & 0x10) != 0,
                    IsAnimated = (flags & 0x02) != 0,
                    Width = content.U24Little() + 1,
                    Height = content.U24Little() + 1,
                };
            }
            else if (type.SequenceEqual("VP8 "u8))
            {
                content.Skip(6);
                header = Frame(header, content.U16Little() & 0x3FFF, content.U16Little() & 0x3FFF);
            }
            else if (type.SequenceEqual("VP8L"u8))
            {
                content.Skip(1);
                var bits = content.U32Little();
                header = Frame(header, (int)(bits & 0x3FFF) + 1, (int)((bits >> 14) & 0x3FFF) + 1) with { HasAlpha = true };
            }
            else if (type.SequenceEqual("EXIF"u8))
            {
                var exif = content.Take(length);
                header = header with { Orientation = Exif.Orientation(exif.StartsWith("Exif\0\0"u8) ? exif[6..] : exif) };
            }
        }

        return header;

        // The frame must be the canvas: what one part of a decoder allocates, another fills.
        static ImageHeader Frame(ImageHeader header, int width, int height) =>
            header.Width == 0 || (header.Width == width && header.Height == height)
                ? header with { Width = width, Height = height }
                : throw Broken(ImageFormat.WebP, $"its canvas is {header.Width} x {header.Height}, its frame {width} x {height}");
    }

    private static ImageHeader Bmp(ref ByteCursor cursor)
    {
        cursor.Skip(10);
        var pixels = cursor.U32Little();
        var headerBytes = cursor.U32Little();
        if (headerBytes == 12)
        {
            return new ImageHeader(ImageFormat.Bmp, cursor.U16Little(), cursor.U16Little());
        }

        var (width, height) = ((int)cursor.U32Little(), (int)cursor.U32Little());
        height = height == int.MinValue ? 0 : Math.Abs(height); // negative: rows from the top
        cursor.Skip(2);
        var bits = cursor.U16Little();
        var isPlain = cursor.U32Little() is 0 or 3;
        var row = ((((long)width * bits) + 31) / 32) * 4;
        if (isPlain && width > 0 && pixels + (row * height) > cursor.Position + cursor.Remaining)
        {
            throw ByteCursor.Truncated();
        }

        return new ImageHeader(ImageFormat.Bmp, width, height) { HasAlpha = bits == 32 };
    }

    private static ImageHeader Gif(ref ByteCursor cursor)
    {
        cursor.Skip(6);
        return new ImageHeader(ImageFormat.Gif, cursor.U16Little(), cursor.U16Little()) { HasAlpha = true };
    }
}
