using VisionService.Imaging;

namespace VisionService.Tests.Imaging;

public sealed class TurboJpegTests
{
    private const string Missing = "libturbojpeg is not installed.";

    [Theory]
    [InlineData("images/flower.jpg")]
    [InlineData("images/bus.jpg")]
    [InlineData("images/darknet-dog.jpg")]
    [InlineData("images/formats/Channel_digital_image_CMYK_color.jpg")]
    public void Both_decoders_agree(string path)
    {
        Assert.SkipUnless(TurboJpeg.IsInstalled, Missing);
        var file = SharedFiles.Bytes(path);
        using var turbo = Pictures.Decoder(true).Decode(file);
        using var sharp = Pictures.Decoder(false).Decode(file);
        Assert.InRange(Pictures.Difference(turbo.Pixels, sharp.Pixels).Mean, 0, 2);
    }

    [Theory]
    [InlineData("images/Nikon_D90.jpg", 224, 8, true)] // 2848 / 256 = 11.1
    [InlineData("images/Nikon_D90.jpg", 224, 4, false)] // half of it
    [InlineData("images/bus.jpg", 224, 2, true)] // 810 / 256 = 3.2
    [InlineData("images/flower.jpg", 224, 1, true)]
    public void Scaled_decoding_stays_within_two_of_full_decoding(string path, int side, int denominator, bool antialias)
    {
        Assert.SkipUnless(TurboJpeg.IsInstalled, Missing);
        var file = SharedFiles.Bytes(path);
        var geometry = new InputGeometry(side, side, ResizeMode.ShortestCrop) { ResizeShortest = side * 8 / 7, Antialias = antialias };
        using var full = Pictures.Decoder(true).Decode(file);
        using var scaled = Pictures.Decoder(true).Decode(file, size => geometry.NeededSize(size.Width, size.Height));
        Assert.Equal((full.Width, full.Height), (scaled.SourceWidth, scaled.SourceHeight));
        Assert.Equal((full.Width + denominator - 1) / denominator, scaled.Width);
        Assert.InRange(Pictures.Difference(Pictures.Write(full, geometry), Pictures.Write(scaled, geometry)).Mean, 0, 2);
    }

    [Fact]
    public void A_last_column_cut_short_stays_in_its_place_in_every_orientation()
    {
        Assert.SkipUnless(TurboJpeg.IsInstalled, Missing);
        // 203 x 101 at 1/4 holds 51 x 26 pixels, of which 50.75 x 25.25 are the picture.
        using var scene = Encoded.Scene(203, 101);
        var geometry = new InputGeometry(48, 24, ResizeMode.Stretch);
        var jpeg = Encoded.Encode(scene, new SixLabors.ImageSharp.Formats.Jpeg.JpegEncoder { Quality = 98 });
        for (var orientation = 1; orientation <= 8; orientation++)
        {
            var file = Encoded.WithOrientation(jpeg, orientation);
            var turned = geometry with
            {
                Width = Orientation.Transposes(orientation) ? 24 : 48,
                Height = Orientation.Transposes(orientation) ? 48 : 24,
            };
            using var full = Pictures.Decoder(true).Decode(file);
            using var scaled = Pictures.Decoder(true).Decode(file, size => turned.NeededSize(size.Width, size.Height));
            Assert.Equal(4, (int)Math.Round((double)full.Width / scaled.Width));
            Assert.InRange(Pictures.Difference(Pictures.Write(full, turned), Pictures.Write(scaled, turned)).Mean, 0, 1);
        }
    }

    [Fact]
    public void A_damaged_file_does_not_spoil_the_next()
    {
        Assert.SkipUnless(TurboJpeg.IsInstalled, Missing);
        var good = Encoded.Scene(64, 48, new SixLabors.ImageSharp.Formats.Jpeg.JpegEncoder());
        var bad = good.ToArray();
        bad[bad.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC4]) + 3] = 3; // a Huffman table that ends too early
        var decoder = Pictures.Decoder(true);
        for (var i = 0; i < 3; i++)
        {
            Assert.Throws<VisionException>(() => decoder.Decode(bad));
            decoder.Decode(good).Dispose();
        }
    }

    [Fact]
    public void Insisting_where_it_is_missing_says_what_to_install()
    {
        Assert.SkipWhen(TurboJpeg.IsInstalled, "libturbojpeg is installed.");
        Assert.Contains("install libturbojpeg", Assert.Throws<DllNotFoundException>(() => TurboJpeg.Load(true)).Message, StringComparison.Ordinal);
    }
}
