using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;

namespace VisionService.Imaging;

/// <summary>What the samples of a PNG mean; the numbers are the format's colour types.</summary>
internal enum PngColor
{
    /// <summary>[H, W], one byte.</summary>
    Grey = 0,

    /// <summary>[H, W, 3].</summary>
    Rgb = 2,

    /// <summary>[H, W], indices into a palette.</summary>
    Palette = 3,
}

/// <summary>Writes masks, class maps and heat maps as PNG: for speed first, size second.</summary>
/// <remarks>Source: PNG (ISO/IEC 15948). Indices stay as they are, other rows are stored as the difference to the row
/// above, which is what smooth pictures compress best by for its price.</remarks>
internal static class PngEncoder
{
    private const byte FilterNone = 0;
    private const byte FilterUp = 2;

    private static readonly uint[] CrcTable = MakeCrcTable();

    /// <summary>8 bits a sample.</summary>
    /// <param name="pixels">[H, W] or, for RGB, [H, W, 3].</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="color">What the samples mean.</param>
    /// <param name="palette">R, G, B for each index; for <see cref="PngColor.Palette"/> only.</param>
    /// <param name="paletteAlpha">0 transparent to 255 opaque for each index; those missing are opaque.</param>
    public static byte[] Encode(
        ReadOnlySpan<byte> pixels, int width, int height, PngColor color, ReadOnlySpan<byte> palette = default,
        ReadOnlySpan<byte> paletteAlpha = default)
    {
        if (color == PngColor.Palette && (palette.IsEmpty || palette.Length % 3 != 0 || palette.Length > 3 * 256))
        {
            throw new ArgumentException("A palette has 1 to 256 colours of three bytes.", nameof(palette));
        }

        return Encode(pixels, width, height, width * (color == PngColor.Rgb ? 3 : 1), 8, color, palette, paletteAlpha);
    }

    /// <summary>Grey with 16 bits a sample: instance maps, depth.</summary>
    /// <param name="pixels">[H, W].</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    public static byte[] EncodeGrey16(ReadOnlySpan<ushort> pixels, int width, int height)
    {
        var rented = ArrayPool<byte>.Shared.Rent(pixels.Length * 2);
        try
        {
            var bytes = rented.AsSpan(0, pixels.Length * 2);
            for (var i = 0; i < pixels.Length; i++)
            {
                BinaryPrimitives.WriteUInt16BigEndian(bytes[(i * 2)..], pixels[i]);
            }

            return Encode(bytes, width, height, width * 2, 16, PngColor.Grey, default, default);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static byte[] Encode(
        ReadOnlySpan<byte> pixels, int width, int height, int stride, byte bits, PngColor color, ReadOnlySpan<byte> palette,
        ReadOnlySpan<byte> paletteAlpha)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNotEqual(pixels.Length, stride * height);
        using var file = new MemoryStream((pixels.Length / 4) + 1024);
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);

        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        (header[8], header[9]) = (bits, (byte)color);
        Chunk(file, "IHDR"u8, header);
        if (color == PngColor.Palette)
        {
            Chunk(file, "PLTE"u8, palette);
            if (!paletteAlpha.IsEmpty)
            {
                Chunk(file, "tRNS"u8, paletteAlpha);
            }
        }

        using var data = new MemoryStream((pixels.Length / 4) + 1024);
        using (var deflate = new ZLibStream(data, CompressionLevel.Fastest, leaveOpen: true))
        {
            Rows(deflate, pixels, stride, color == PngColor.Palette ? FilterNone : FilterUp);
        }

        Chunk(file, "IDAT"u8, data.GetBuffer().AsSpan(0, (int)data.Length));
        Chunk(file, "IEND"u8, default);
        return file.ToArray();
    }

    private static void Rows(ZLibStream deflate, ReadOnlySpan<byte> pixels, int stride, byte filter)
    {
        var rented = ArrayPool<byte>.Shared.Rent(stride + 1);
        try
        {
            var row = rented.AsSpan(0, stride + 1);
            for (var start = 0; start < pixels.Length; start += stride)
            {
                row[0] = start == 0 ? FilterNone : filter;
                pixels.Slice(start, stride).CopyTo(row[1..]);
                if (row[0] == FilterUp)
                {
                    var above = pixels.Slice(start - stride, stride);
                    for (var x = 0; x < above.Length; x++)
                    {
                        row[x + 1] -= above[x];
                    }
                }

                deflate.Write(row);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static void Chunk(MemoryStream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> content)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
        file.Write(number);
        file.Write(type);
        file.Write(content);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(uint.MaxValue, type), content));
        file.Write(number);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            crc = CrcTable[(byte)(crc ^ value)] ^ (crc >> 8);
        }

        return crc;
    }

    private static uint[] MakeCrcTable()
    {
        var table = new uint[256];
        for (var i = 0u; i < 256; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
            }

            table[i] = crc;
        }

        return table;
    }
}
