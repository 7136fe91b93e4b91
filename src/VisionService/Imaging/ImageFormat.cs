using System.Text;

namespace VisionService.Imaging;

/// <summary>The formats that are read.</summary>
internal enum ImageFormat
{
    Jpeg,
    Png,
    WebP,
    Bmp,
    Gif,
}

/// <summary>Tells formats apart by their first bytes, and names what cannot be read.</summary>
internal static class FormatSniffer
{
    /// <summary>The format of the file.</summary>
    /// <exception cref="VisionException">InvalidImage, saying what the file is instead.</exception>
    public static ImageFormat Recognize(ReadOnlySpan<byte> file)
    {
        return file switch
        {
            [0xFF, 0xD8, 0xFF, ..] => ImageFormat.Jpeg,
            [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => ImageFormat.Png,
            _ when file.StartsWith("RIFF"u8) && At(file, 8, "WEBP"u8) => ImageFormat.WebP,
            [(byte)'B', (byte)'M', ..] when file.Length >= 26 => ImageFormat.Bmp,
            _ when file.StartsWith("GIF87a"u8) || file.StartsWith("GIF89a"u8) => ImageFormat.Gif,
            _ => throw new VisionException(
                VisionError.InvalidImage, $"{Describe(file)} JPEG, PNG, WebP, BMP and GIF are read."),
        };
    }

    private static string Describe(ReadOnlySpan<byte> file)
    {
        if (file.IsEmpty)
        {
            return "The picture is empty (0 bytes).";
        }

        return NameOfUnsupported(file) is { } name
            ? $"The picture is {name}, which is not supported."
            : NameOfText(file) is { } text
                ? $"The file is {text}, not a picture."
                : "The file is not a picture of a known format.";
    }

    private static string? NameOfUnsupported(ReadOnlySpan<byte> file) => file switch
    {
        [(byte)'I', (byte)'I', 42 or 43, 0, ..] or [(byte)'M', (byte)'M', 0, 42 or 43, ..] => "a TIFF",
        _ when At(file, 4, "ftypavif"u8) || At(file, 4, "ftypavis"u8) => "an AVIF",
        _ when At(file, 4, "ftyphe"u8) || At(file, 4, "ftypmif1"u8) || At(file, 4, "ftypmsf1"u8) => "a HEIC",
        _ when At(file, 4, "ftyp"u8) => "an MP4 or QuickTime video",
        _ when At(file, 4, "jP  "u8) => "a JPEG 2000",
        [0xFF, 0x0A, ..] => "a JPEG XL",
        _ when At(file, 4, "JXL "u8) => "a JPEG XL",
        _ when file.StartsWith("%PDF"u8) => "a PDF",
        _ when file.StartsWith("8BPS"u8) => "a Photoshop file",
        [0, 0, 1, 0, ..] => "an icon",
        [(byte)'P', >= (byte)'1' and <= (byte)'6', (byte)' ' or (byte)'\n' or (byte)'\r', ..] => "a Netpbm file",
        [0x1F, 0x8B, ..] or [(byte)'P', (byte)'K', 3, 4, ..] => "a compressed archive",
        _ => null,
    };

    private static string? NameOfText(ReadOnlySpan<byte> file)
    {
        var head = file[..Math.Min(file.Length, 512)];
        foreach (var value in head)
        {
            if (value < 0x20 && value is not ((byte)'\t' or (byte)'\n' or (byte)'\r' or 0x0C))
            {
                return null;
            }
        }

        if (head.IndexOfAnyExceptInRange((byte)0, (byte)0x7E) >= 0 && !head.StartsWith("\uFEFF"u8))
        {
            return null;
        }

        var text = Encoding.UTF8.GetString(head).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        return text switch
        {
            _ when text.Contains("<svg", StringComparison.OrdinalIgnoreCase) => "an SVG drawing",
            _ when text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
                || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase) => "an HTML page",
            _ when text.StartsWith("data:", StringComparison.Ordinal) => "a data: URL",
            _ when text.StartsWith("version https://git-lfs", StringComparison.Ordinal) => "a Git LFS pointer",
            ['{' or '[', ..] => "JSON",
            ['<', ..] => "XML or HTML",
            _ => "text",
        };
    }

    private static bool At(ReadOnlySpan<byte> file, int offset, ReadOnlySpan<byte> magic) =>
        file.Length >= offset && file[offset..].StartsWith(magic);
}
