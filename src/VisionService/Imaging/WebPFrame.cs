using System.Buffers.Binary;

namespace VisionService.Imaging;

/// <summary>The first frame of a moving WebP as a still one: ImageSharp 2.1 reads still ones only.</summary>
internal static class WebPFrame
{
    private const int ChunkHeader = 8;
    private const int FrameHeader = 16;

    /// <summary>A WebP file of its own, of the frame's size.</summary>
    /// <param name="encoded">The whole file, of which <see cref="ImageHeader"/> says that it moves.</param>
    /// <param name="left">Column of the canvas where the frame lies.</param>
    /// <param name="top">Row of the canvas where the frame lies.</param>
    /// <exception cref="VisionException">InvalidImage.</exception>
    public static byte[] First(ReadOnlySpan<byte> encoded, out int left, out int top)
    {
        var cursor = new ByteCursor(encoded);
        cursor.Skip(12);
        while (true)
        {
            var type = cursor.Take(4);
            var length = cursor.U32Little();
            var content = cursor.Take(length);
            if (type.SequenceEqual("ANMF"u8))
            {
                var frame = new ByteCursor(content);
                (left, top) = (frame.U24Little() * 2, frame.U24Little() * 2);
                var (width, height) = (frame.U24Little(), frame.U24Little()); // one less than the size, as VP8X wants them too
                return Still(content.Length < FrameHeader ? throw ByteCursor.Truncated() : content[FrameHeader..], width, height);
            }

            cursor.Skip(Math.Min(length & 1, cursor.Remaining));
        }
    }

    private static byte[] Still(ReadOnlySpan<byte> chunks, int width, int height)
    {
        const int extended = 10;
        var file = new byte[12 + ChunkHeader + extended + chunks.Length];
        var span = file.AsSpan();
        "RIFF"u8.CopyTo(span);
        BinaryPrimitives.WriteInt32LittleEndian(span[4..], file.Length - 8);
        "WEBPVP8X"u8.CopyTo(span[8..]);
        span[16] = extended;
        span[20] = 0x10; // may be transparent
        BinaryPrimitives.WriteInt32LittleEndian(span[24..], width);
        BinaryPrimitives.WriteInt32LittleEndian(span[27..], height); // 24 bits each: the next field covers the surplus byte
        chunks.CopyTo(span[30..]);
        return file;
    }
}
