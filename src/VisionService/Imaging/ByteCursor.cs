using System.Buffers.Binary;

namespace VisionService.Imaging;

/// <summary>Reads a file's header front to back; running off the end is a truncated picture, never a crash.</summary>
internal ref struct ByteCursor(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    public readonly int Remaining => _bytes.Length - Position;

    public ReadOnlySpan<byte> Take(long count)
    {
        if (count < 0 || count > Remaining)
        {
            throw Truncated();
        }

        var taken = _bytes.Slice(Position, (int)count);
        Position += (int)count;
        return taken;
    }

    public void Skip(long count) => Take(count);

    /// <summary>Moves behind the next <paramref name="value"/>.</summary>
    public void SkipPast(byte value)
    {
        var next = _bytes[Position..].IndexOf(value);
        Position = next < 0 ? throw Truncated() : Position + next + 1;
    }

    public byte U8() => Take(1)[0];

    public int U16Big() => BinaryPrimitives.ReadUInt16BigEndian(Take(2));

    public int U16Little() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public int U24Little() => U16Little() | (U8() << 16);

    public uint U32Big() => BinaryPrimitives.ReadUInt32BigEndian(Take(4));

    public uint U32Little() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public static VisionException Truncated() =>
        new(VisionError.InvalidImage, "The picture is truncated: the file ends before the picture does.");
}
