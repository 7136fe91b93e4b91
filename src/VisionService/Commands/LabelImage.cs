using System.Buffers.Binary;
using System.IO.Compression;
using VisionService.Repository;

namespace VisionService.Commands;

/// <summary>
/// A label map: a PNG of grey or palette pixels whose numbers are the labels. A general decoder would look up the
/// palette's colours, which need not tell the numbers apart.
/// </summary>
/// <param name="Values">[H, W].</param>
/// <remarks>Source: PNG (ISO/IEC 15948), 9.2 for the filters.</remarks>
internal sealed record LabelImage(int Width, int Height, byte[] Values)
{
    private const int MaxSide = short.MaxValue;
    private const byte Grey = 0;
    private const byte Palette = 3;

    /// <exception cref="ModelLoadException">It is missing, damaged, or a PNG of another kind.</exception>
    public static LabelImage Read(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path));
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new ModelLoadException($"The label map '{path}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <exception cref="InvalidDataException">It is damaged, or a PNG of another kind.</exception>
    /// <exception cref="EndOfStreamException">Rows are missing.</exception>
    public static LabelImage Parse(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith<byte>([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]))
        {
            throw new InvalidDataException("It is no PNG.");
        }

        using var packed = new MemoryStream();
        ReadOnlySpan<byte> header = default;
        for (var rest = file[8..]; !rest.IsEmpty;)
        {
            // Length, type, content, checksum; the packed pixels carry a checksum of their own.
            var length = rest.Length < 12 ? uint.MaxValue : BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - 12)
            {
                throw new InvalidDataException("It ends within a chunk.");
            }

            var type = rest.Slice(4, 4);
            var content = rest.Slice(8, (int)length);
            if (type.SequenceEqual("IHDR"u8))
            {
                header = content;
            }
            else if (type.SequenceEqual("IDAT"u8))
            {
                packed.Write(content);
            }

            rest = rest[(12 + (int)length)..];
        }

        var (width, height, bits) = Header(header);
        packed.Position = 0;
        using var rows = new ZLibStream(packed, CompressionMode.Decompress);
        return new LabelImage(width, height, Unpack(rows, width, height, bits));
    }

    private static (int Width, int Height, int Bits) Header(ReadOnlySpan<byte> header)
    {
        if (header.Length != 13)
        {
            throw new InvalidDataException("It has no header.");
        }

        var width = BinaryPrimitives.ReadUInt32BigEndian(header);
        var height = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        var (bits, color, isInterlaced) = (header[8], header[9], header[12] != 0);
        if (width is 0 or > MaxSide || height is 0 or > MaxSide)
        {
            throw new InvalidDataException($"It is {width} x {height} pixels; a side has 1 to {MaxSide}.");
        }

        return color is Grey or Palette && bits is (1 or 2 or 4 or 8) && !isInterlaced
            ? ((int)width, (int)height, bits)
            : throw new InvalidDataException(
                $"It has colour type {color}, {bits} bits{(isInterlaced ? ", interlaced" : "")}; "
                + "labels are grey or palette pixels of at most 8 bits, not interlaced.");
    }

    private static byte[] Unpack(ZLibStream rows, int width, int height, int bits)
    {
        var values = new byte[width * height];
        var stride = ((width * bits) + 7) / 8;
        var (row, above) = (new byte[stride], new byte[stride]);
        for (var y = 0; y < height; y++)
        {
            var filter = rows.ReadByte();
            rows.ReadExactly(row);
            Unfilter(filter, row, above);
            for (var x = 0; x < width; x++)
            {
                var shift = 8 - bits - (x * bits % 8);
                values[(y * width) + x] = (byte)(row[x * bits / 8] >> shift & ((1 << bits) - 1));
            }

            (row, above) = (above, row);
        }

        return values;
    }

    private static void Unfilter(int filter, byte[] row, byte[] above)
    {
        for (var i = 0; i < row.Length; i++)
        {
            var (left, up, corner) = i > 0 ? (row[i - 1], above[i], above[i - 1]) : ((byte)0, above[i], (byte)0);
            row[i] += filter switch
            {
                0 => 0,
                1 => left,
                2 => up,
                3 => (byte)((left + up) / 2),
                4 => Paeth(left, up, corner),
                _ => throw new InvalidDataException($"A row has filter {filter}; there are 0 to 4."),
            };
        }
    }

    /// <summary>Of the three neighbours the one nearest to left + up - corner; on a tie the first.</summary>
    private static byte Paeth(byte left, byte up, byte corner)
    {
        var (toLeft, toUp) = (Math.Abs(up - corner), Math.Abs(left - corner));
        var toCorner = Math.Abs(left + up - (2 * corner));
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }
}
