using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Imaging;

namespace VisionService.Tests.Imaging;

public sealed class EncoderTests
{
    [Fact]
    public void An_RGB_PNG_is_read_back_to_the_bit()
    {
        using var image = Pictures.Noise(31, 17);
        using var back = Pictures.Decoder().Decode(PngEncoder.Encode(image.Pixels, 31, 17, PngColor.Rgb));
        Assert.Equal(image.Pixels, back.Pixels);
    }

    [Fact]
    public void A_palette_PNG_shows_its_colours()
    {
        using var back = Pictures.Decoder().Decode(
            PngEncoder.Encode([0, 1, 1], 3, 1, PngColor.Palette, [10, 20, 30, 40, 50, 60], paletteAlpha: [0]));
        Assert.Equal([255, 255, 255, 40, 50, 60, 40, 50, 60], back.Pixels.ToArray()); // index 0 is transparent: the white background
    }

    [Fact]
    public void A_grey_PNG_of_16_bits_keeps_them()
    {
        using var back = Image.Load<L16>(PngEncoder.EncodeGrey16([0, 258, 65535, 513], 2, 2));
        Assert.Equal((258, 513), (back[1, 0].PackedValue, back[1, 1].PackedValue));
    }

    [Fact]
    public void A_JPEG_is_read_back_nearly()
    {
        using var image = Encoded.Scene(64, 48);
        using var back = Pictures.Decoder().Decode(JpegEncoder.Encode(image));
        Assert.InRange(Pictures.Difference(image.Pixels, back.Pixels).Mean, 0, 4);
    }
}
