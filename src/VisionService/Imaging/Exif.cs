using System.Buffers.Binary;

namespace VisionService.Imaging;

/// <summary>The one EXIF tag that changes a picture. Nothing else is read: metadata is a favourite place for
/// traps.</summary>
internal static class Exif
{
    private const int OrientationTag = 0x0112;
    private const int EntryBytes = 12;

    /// <summary>Orientation 1-8 from a TIFF block (after "Exif\0\0"); 1, upright, where it is absent or
    /// broken.</summary>
    public static int Orientation(ReadOnlySpan<byte> tiff)
    {
        var isLittle = tiff.StartsWith("II"u8);
        if (tiff.Length < 8 || !(isLittle || tiff.StartsWith("MM"u8)))
        {
            return 1;
        }

        var start = isLittle ? BinaryPrimitives.ReadUInt32LittleEndian(tiff[4..]) : BinaryPrimitives.ReadUInt32BigEndian(tiff[4..]);
        if (start > tiff.Length - 2)
        {
            return 1;
        }

        var directory = tiff[(int)start..];
        var count = U16(directory, isLittle);
        directory = directory[2..];
        for (var i = 0; i < count && directory.Length >= EntryBytes; i++, directory = directory[EntryBytes..])
        {
            if (U16(directory, isLittle) == OrientationTag)
            {
                return U16(directory[8..], isLittle) is var value and >= 1 and <= 8 ? value : 1;
            }
        }

        return 1;
    }

    private static int U16(ReadOnlySpan<byte> bytes, bool isLittle) =>
        isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);
}
