using VisionService.Imaging;

namespace VisionService.Tests.Imaging;

public class RawPixelsTests
{
    // Two pixels a row, two rows; the fourth byte is the opacity: opaque, half, none, opaque.
    [Theory]
    [InlineData("Rgb", 0, "010203 040506 070809 0A0B0C", "010203 040506 070809 0A0B0C")]
    [InlineData("Rgb", 7, "010203 040506 FF 070809 0A0B0C", "010203 040506 070809 0A0B0C")]
    [InlineData("Rgb", 7, "010203 040506 FF 070809 0A0B0C FF", "010203 040506 070809 0A0B0C")]
    [InlineData("Bgr", 0, "010203 040506 070809 0A0B0C", "030201 060504 090807 0C0B0A")]
    [InlineData("Grey", 3, "01 02 FF 03 04", "010101 020202 030303 040404")]
    [InlineData("Rgba", 0, "010203FF 0A0B0C80 01020300 040506FF", "010203 858585 FFFFFF 040506")] // 10 * 128/255 + 255 * 127/255 = 132
    [InlineData("Bgra", 0, "030201FF 0C0B0A80 01020300 060504FF", "010203 858585 FFFFFF 040506")]
    public void Every_format_becomes_RGB(string format, int stride, string bytes, string expected)
    {
        using var image = Decoder().Take(Hex(bytes), new RawPixels(2, 2, stride, Enum.Parse<PixelFormat>(format)));
        Assert.Equal((2, 2), (image.SourceWidth, image.SourceHeight));
        if (format is "Rgba" or "Bgra")
        {
            // Half opaque is checked to one level, so that the reader need not round.
            Assert.InRange(image.Pixels[3], 131, 134);
            image.Pixels[3..6].Fill(0x85);
        }

        Assert.Equal(Hex(expected), image.Pixels.ToArray());
    }

    [Theory]
    [InlineData(0, 2, 0, 12, "their size is 0 x 2")]
    [InlineData(2, -1, 0, 12, "their size is 2 x -1")]
    [InlineData(2, 2, 5, 12, "a stride of 5 bytes is less than a row of 2 pixels, 6 bytes")]
    [InlineData(2, 2, 0, 11, "2 x 2 pixels take 12 bytes, not 11")]
    [InlineData(2, 2, 0, 13, "2 x 2 pixels take 12 bytes, not 13")]
    [InlineData(2, 2, 8, 13, "2 x 2 pixels take 14 bytes, not 13")]
    [InlineData(2, 2, 8, 17, "2 x 2 pixels take 16 bytes, not 17")]
    [InlineData(2, 2, int.MaxValue, 12, "2 x 2 pixels take 2147483653 bytes, not 12")]
    public void Bytes_that_cannot_be_the_picture_are_refused(int width, int height, int stride, int bytes, string why)
    {
        var problem = Assert.Throws<VisionException>(
            () => Decoder().Take(new byte[bytes], new RawPixels(width, height, stride, PixelFormat.Rgb)));
        Assert.Equal((VisionError.InvalidImage, $"The pixels are no picture: {why}."), (problem.Error, problem.Message));
    }

    [Theory]
    [InlineData(101, 1, "The picture is 101 x 1 pixels; Imaging:MaxSide allows 100.")]
    [InlineData(100, 100, "The picture has 10000 pixels (100 x 100); Imaging:MaxPixels allows 5000.")]
    [InlineData(int.MaxValue, int.MaxValue, "The picture is 2147483647 x 2147483647 pixels; Imaging:MaxSide allows 100.")]
    public void The_limits_of_files_hold(int width, int height, string message)
    {
        var decoder = new ImageDecoder(new ImagingOptions { MaxSide = 100, MaxPixels = 5000 });
        var problem = Assert.Throws<VisionException>(() => decoder.Take([], new RawPixels(width, height, 0, PixelFormat.Rgb)));
        Assert.Equal((VisionError.TooLarge, message), (problem.Error, problem.Message));
    }

    private static ImageDecoder Decoder() => new(new ImagingOptions());

    private static byte[] Hex(string bytes) => Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal));
}
