namespace VisionService.Imaging;

/// <summary>The first frame of a GIF. Our own, because ImageSharp 2.1's decoder of this one format writes out of bounds
/// on crafted files (CVE-2024-41131, CVE-2025-27598), loops for ever (CVE-2025-54575), and reads all frames to show
/// one.</summary>
/// <remarks>Source: the GIF89a specification of CompuServe, appendix F for the variable-length LZW codes.</remarks>
internal static class GifDecoder
{
    private const int MaxCodes = 4096;
    private const int ExtensionBlock = 0x21;
    private const int ImageBlock = 0x2C;
    private const int GraphicControl = 0xF9;

    // Rows come in four sweeps when interlaced: first row and step of each.
    private static ReadOnlySpan<byte> SweepStart => [0, 4, 2, 1];

    private static ReadOnlySpan<byte> SweepStep => [8, 8, 4, 2];

    /// <summary>The frame on its canvas; what it leaves bare or transparent shows the background.</summary>
    /// <exception cref="VisionException">InvalidImage.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> encoded, ImageHeader header, Background background)
    {
        // 1. Screen and global palette.
        var cursor = new ByteCursor(encoded);
        cursor.Skip(10);
        var flags = cursor.U8();
        cursor.Skip(2);
        var palette = Palette(ref cursor, flags);

        // 2. Extensions until the first image; one of them may name a transparent colour.
        var transparent = -1;
        for (var block = cursor.U8(); block != ImageBlock; block = cursor.U8())
        {
            if (block != ExtensionBlock)
            {
                throw ImageHeader.Broken(ImageFormat.Gif, "it has no picture");
            }

            var label = cursor.U8();
            for (var length = cursor.U8(); length != 0; length = cursor.U8())
            {
                var content = cursor.Take(length);
                if (label == GraphicControl && content is [var control, _, _, var index, ..] && (control & 1) != 0)
                {
                    transparent = index;
                }
            }
        }

        // 3. Where the frame lies on the screen.
        var frame = new Frame(cursor.U16Little(), cursor.U16Little(), cursor.U16Little(), cursor.U16Little());
        flags = cursor.U8();
        if (frame.Width == 0 || frame.Height == 0
            || frame.Left + frame.Width > header.Width || frame.Top + frame.Height > header.Height)
        {
            throw ImageHeader.Broken(ImageFormat.Gif, "its frame does not fit its screen");
        }

        if ((flags & 0x80) != 0)
        {
            palette = Palette(ref cursor, flags);
        }

        // 4. The pixels.
        var image = new RgbImage(header.Width, header.Height);
        try
        {
            background.Fill(image.Pixels);

            var writer = new FrameWriter(image, frame, palette, transparent, isInterlaced: (flags & 0x40) != 0);
            Decompress(ref cursor, ref writer);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private static ReadOnlySpan<byte> Palette(scoped ref ByteCursor cursor, byte flags) =>
        (flags & 0x80) == 0 ? [] : cursor.Take(3 << ((flags & 7) + 1));

    private static void Decompress(scoped ref ByteCursor cursor, scoped ref FrameWriter writer)
    {
        int rootBits = cursor.U8();
        if (rootBits is < 1 or > 8)
        {
            throw ImageHeader.Broken(ImageFormat.Gif, $"its code size is {rootBits}");
        }

        // Each code is a string: the string of its prefix, and one colour more.
        Span<short> prefix = stackalloc short[MaxCodes];
        Span<byte> suffix = stackalloc byte[MaxCodes];
        Span<byte> text = stackalloc byte[MaxCodes];
        var clear = 1 << rootBits;
        for (var code = 0; code < clear; code++)
        {
            suffix[code] = (byte)code;
        }

        var (next, bits, previous, first) = (clear + 2, rootBits + 1, -1, (byte)0);
        var (buffer, buffered, left) = (0, 0, 0);
        while (!writer.IsFull)
        {
            while (buffered < bits)
            {
                if (left == 0 && (left = cursor.U8()) == 0)
                {
                    throw ByteCursor.Truncated();
                }

                buffer |= cursor.U8() << buffered;
                buffered += 8;
                left--;
            }

            var code = buffer & ((1 << bits) - 1);
            buffer >>= bits;
            buffered -= bits;
            if (code == clear)
            {
                (next, bits, previous) = (clear + 2, rootBits + 1, -1);
                continue;
            }

            if (code == clear + 1)
            {
                throw ByteCursor.Truncated();
            }

            if (code > next || (code == next && previous < 0) || (previous < 0 && code >= clear))
            {
                throw ImageHeader.Broken(ImageFormat.Gif, "its codes are out of order");
            }

            // The code that is just being made stands for the last string and its own first colour.
            var length = 0;
            var walk = code;
            if (code == next)
            {
                text[length++] = first;
                walk = previous;
            }

            for (; walk >= clear; walk = prefix[walk])
            {
                text[length++] = suffix[walk];
            }

            first = suffix[walk];
            text[length++] = first;
            if (previous >= 0 && next < MaxCodes)
            {
                (prefix[next], suffix[next]) = ((short)previous, first);
                next++;
                bits = next == 1 << bits && bits < 12 ? bits + 1 : bits;
            }

            previous = code;
            while (length > 0 && !writer.IsFull)
            {
                writer.Write(text[--length]);
            }
        }
    }

    private readonly record struct Frame(int Left, int Top, int Width, int Height);

    private ref struct FrameWriter(RgbImage image, Frame frame, ReadOnlySpan<byte> palette, int transparent, bool isInterlaced)
    {
        private readonly ReadOnlySpan<byte> _palette = palette;
        private Span<byte> _row = image.Row(frame.Top).Slice(frame.Left * 3, frame.Width * 3);
        private int _x;
        private int _y;
        private int _sweep;

        public bool IsFull { get; private set; }

        public void Write(byte color)
        {
            if (color * 3 >= _palette.Length)
            {
                throw ImageHeader.Broken(ImageFormat.Gif, "a colour is missing from its palette");
            }

            if (color != transparent)
            {
                _palette.Slice(color * 3, 3).CopyTo(_row[(_x * 3)..]);
            }

            if (++_x == frame.Width)
            {
                _x = 0;
                NextRow();
            }
        }

        private void NextRow()
        {
            _y += isInterlaced ? SweepStep[_sweep] : 1;
            while (isInterlaced && _y >= frame.Height && _sweep < 3)
            {
                _y = SweepStart[++_sweep];
            }

            IsFull = _y >= frame.Height;
            if (!IsFull)
            {
                _row = image.Row(frame.Top + _y).Slice(frame.Left * 3, frame.Width * 3);
            }
        }
    }
}
