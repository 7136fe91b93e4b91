using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace VisionService.Tests.Imaging;

/// <summary>The numbers in a PNG of one channel, palette or grey, as they are stored.</summary>
/// <param name="Color">PNG's colour type: 0 grey, 3 palette.</param>
/// <param name="Values">[H, W].</param>
internal sealed record PngValues(int Width, int Height, int Bits, int Color, ushort[] Values)
{
    public static PngValues Read(byte[] file)
    {
        using var packed = new MemoryStream();
        var header = Array.Empty<byte>();
        for (var at = 8; at < file.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            var chunk = file.AsSpan(at + 8, length);
            switch (Encoding.ASCII.GetString(file, at + 4, 4))
            {
                case "IHDR":
                    header = chunk.ToArray();
                    break;
                case "IDAT":
                    packed.Write(chunk);
                    break;
            }

            at += length + 12;
        }

        var width = BinaryPrimitives.ReadInt32BigEndian(header);
        var height = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4));
        packed.Position = 0;
        using var rows = new MemoryStream();
        using (var unpacked = new ZLibStream(packed, CompressionMode.Decompress))
        {
            unpacked.CopyTo(rows);
        }

        var values = Unfilter(rows.ToArray(), width, height, header[8] / 8);
        return new PngValues(width, height, header[8], header[9], values);
    }

    private static ushort[] Unfilter(byte[] rows, int width, int height, int size)
    {
        var stride = (width * size) + 1;
        var values = new ushort[width * height];
        for (var y = 0; y < height; y++)
        {
            for (var i = 1; i < stride; i++)
            {
                int At(int column, int row) => column < 1 || row < 0 ? 0 : rows[(row * stride) + column];
                var (left, up, corner) = (At(i - size, y), At(i, y - 1), At(i - size, y - 1));
                rows[(y * stride) + i] += (byte)(rows[y * stride] switch
                {
                    0 => 0,
                    1 => left,
                    2 => up,
                    3 => (left + up) / 2,
                    _ => Paeth(left, up, corner),
                });
            }

            for (var x = 0; x < width; x++)
            {
                var at = (y * stride) + 1 + (x * size);
                values[(y * width) + x] = size == 1 ? rows[at] : BinaryPrimitives.ReadUInt16BigEndian(rows.AsSpan(at));
            }
        }

        return values;
    }

    private static int Paeth(int left, int up, int corner)
    {
        var (a, b, c) = (Math.Abs(up - corner), Math.Abs(left - corner), Math.Abs(left + up - corner - corner));
        return a <= b && a <= c ? left : b <= c ? up : corner;
    }
}
