namespace VisionService.Imaging;

/// <summary>Walks the markers of a JPEG from end to end: size, orientation, colours, and whether it is whole.</summary>
internal static class JpegHeader
{
    // A progressive photo has about ten scans, and each costs a pass over the whole picture: thousands are an attack.
    private const int MaxScans = 100;

    private const int StartOfScan = 0xDA;
    private const int EndOfImage = 0xD9;

    /// <exception cref="VisionException">InvalidImage: broken, truncated, or of a kind that no decoder here
    /// reads.</exception>
    public static ImageHeader Read(ref ByteCursor cursor)
    {
        cursor.Skip(2);
        var header = new ImageHeader(ImageFormat.Jpeg, 0, 0);
        var scans = 0;
        while (true)
        {
            var marker = NextMarker(ref cursor);
            if (marker == EndOfImage)
            {
                return scans > 0 ? header : throw ImageHeader.Broken(ImageFormat.Jpeg, "it has no pixels");
            }

            if (marker is 0x01 or (>= 0xD0 and <= 0xD8))
            {
                continue; // these stand alone
            }

            var length = cursor.U16Big() - 2;
            var content = cursor.Take(length);
            header = marker switch
            {
                0xE1 when content.StartsWith("Exif\0\0"u8) => header with { Orientation = Exif.Orientation(content[6..]) },
                0xEE when content.StartsWith("Adobe"u8) => header with { IsAdobe = true },
                >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC) => Frame(header, marker, content),
                _ => header,
            };
            if (marker == StartOfScan && ++scans > MaxScans)
            {
                throw new VisionException(
                    VisionError.TooLarge, $"The JPEG has more than {MaxScans} scans; {MaxScans} are allowed.");
            }

            if (marker == StartOfScan && header.Width == 0)
            {
                throw ImageHeader.Broken(ImageFormat.Jpeg, "its pixels come before its size");
            }
        }
    }

    // Between markers lie the coded pixels, where 0xFF is followed by 0 or by a restart marker; stray bytes are passed
    // over as well.
    private static int NextMarker(ref ByteCursor cursor)
    {
        while (true)
        {
            cursor.SkipPast(0xFF);
            int marker;
            do
            {
                marker = cursor.U8();
            }
            while (marker == 0xFF);
            if (marker is not (0 or (>= 0xD0 and <= 0xD7)))
            {
                return marker;
            }
        }
    }

    private static ImageHeader Frame(ImageHeader header, int marker, ReadOnlySpan<byte> content)
    {
        if (header.Width != 0)
        {
            throw ImageHeader.Broken(ImageFormat.Jpeg, "it has two sizes");
        }

        if (marker is not (0xC0 or 0xC1 or 0xC2 or 0xC9 or 0xCA))
        {
            throw new VisionException(VisionError.InvalidImage, "Lossless and hierarchical JPEG are not supported.");
        }

        var cursor = new ByteCursor(content);
        var bits = cursor.U8();
        var (height, width) = (cursor.U16Big(), cursor.U16Big());
        return bits == 8
            ? header with { Width = width, Height = height, IsCmyk = cursor.U8() == 4 }
            : throw new VisionException(VisionError.InvalidImage, $"JPEG with {bits} bits a sample is not supported; 8 are.");
    }
}
