using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Commands;
using VisionService.Imaging;
using PngEncoder = VisionService.Imaging.PngEncoder;

namespace VisionService.Tests.Commands;

public sealed class LabelImageTests
{
    private const int Width = 19;
    private const int Height = 7;

    [Fact]
    public void The_numbers_of_a_palette_are_read_and_not_its_colours()
    {
        byte[] labels = [0, 1, 2, 255, 254, 3];
        var black = new byte[3 * 256];
        var read = LabelImage.Parse(PngEncoder.Encode(labels, 3, 2, PngColor.Palette, black));
        Assert.Equal((3, 2), (read.Width, read.Height));
        Assert.Equal(labels, read.Values);
    }

    [Theory]
    [InlineData(PngFilterMethod.None)]
    [InlineData(PngFilterMethod.Sub)]
    [InlineData(PngFilterMethod.Up)]
    [InlineData(PngFilterMethod.Average)]
    [InlineData(PngFilterMethod.Paeth)]
    [InlineData(PngFilterMethod.Adaptive)]
    public void Grey_is_read_whatever_the_filter(PngFilterMethod filter)
    {
        var labels = new byte[Width * Height];
        new Random(1).NextBytes(labels);
        Assert.Equal(labels, LabelImage.Parse(Grey(labels, PngBitDepth.Bit8, filter)).Values);
    }

    [Theory]
    [InlineData(PngBitDepth.Bit1, 1)]
    [InlineData(PngBitDepth.Bit2, 3)]
    [InlineData(PngBitDepth.Bit4, 15)]
    public void Several_labels_may_share_a_byte(PngBitDepth depth, int highest)
    {
        var labels = Enumerable.Range(0, Width * Height).Select(i => (byte)(i % (highest + 1))).ToArray();
        var shown = Array.ConvertAll(labels, label => (byte)(label * 255 / highest)); // as grey is scaled
        Assert.Equal(labels, LabelImage.Parse(Grey(shown, depth, PngFilterMethod.None)).Values);
    }

    [Fact]
    public void Other_kinds_of_files_are_refused_with_the_reason()
    {
        var grey = PngEncoder.Encode(new byte[12], 4, 3, PngColor.Grey);
        Refuses("It is no PNG.", [1, 2, 3]);
        Refuses("It has no header.", grey[..8]);
        Refuses("It ends within a chunk.", grey[..50]);
        Refuses("It has colour type 2, 8 bits; labels are", PngEncoder.Encode(new byte[36], 4, 3, PngColor.Rgb));
        Refuses("It has colour type 0, 16 bits; labels are", PngEncoder.EncodeGrey16(new ushort[12], 4, 3));
        Refuses("It has colour type 0, 8 bits, interlaced; labels are", [.. grey[..28], 1, .. grey[29..]]);
        Refuses("It is 0 x 3 pixels; a side has 1 to 32767.", [.. grey[..16], 0, 0, 0, 0, .. grey[20..]]);
        Assert.Throws<EndOfStreamException>(() => LabelImage.Parse([.. grey[..20], 0, 0, 0, 4, .. grey[24..]]));
    }

    private static void Refuses(string reason, byte[] file) => Assert.StartsWith(
        reason, Assert.Throws<InvalidDataException>(() => LabelImage.Parse(file)).Message, StringComparison.Ordinal);

    private static byte[] Grey(byte[] pixels, PngBitDepth depth, PngFilterMethod filter)
    {
        using var image = Image.LoadPixelData<L8>(pixels, Width, Height);
        using var file = new MemoryStream();
        image.Save(
            file,
            new SixLabors.ImageSharp.Formats.Png.PngEncoder
            {
                ColorType = PngColorType.Grayscale,
                BitDepth = depth,
                FilterMethod = filter,
            });
        return file.ToArray();
    }
}
