using System.Text;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Imaging;
using SharpJpegEncoder = SixLabors.ImageSharp.Formats.Jpeg.JpegEncoder;
using SharpPngEncoder = SixLabors.ImageSharp.Formats.Png.PngEncoder;

namespace VisionService.Tests.Imaging;

public sealed class ImageDecoderTests
{
    public static TheoryData<string, double> Formats => new()
    {
        { "jpeg", 2 }, { "png", 0 }, { "interlaced png", 0 }, { "16-bit png", 0 }, { "bmp", 0 },
        { "webp", 4 }, { "lossless webp", 0 }, { "gif", 6 },
    };

    [Theory]
    [MemberData(nameof(Formats))]
    public void Every_format_gives_the_picture_back(string format, double tolerance)
    {
        using var scene = Encoded.Scene(123, 77);
        using var image = Pictures.Decoder().Decode(Encoded.Encode(scene, Encoder(format)));
        Assert.Equal((123, 77, 123, 77), (image.Width, image.Height, image.SourceWidth, image.SourceHeight));
        Assert.InRange(Pictures.Difference(scene.Pixels, image.Pixels).Mean, 0, tolerance);
    }

    [Fact]
    public void A_GIF_equals_ImageSharps_reading()
    {
        var gif = Encoded.Scene(211, 97, new GifEncoder());
        using var expected = Image.Load<Rgb24>(gif);
        using var image = Pictures.Decoder().Decode(gif);
        var pixels = new byte[211 * 97 * 3];
        expected.CopyPixelDataTo(pixels);
        Assert.Equal(pixels, image.Pixels);
    }

    [Fact]
    public void Of_a_moving_GIF_the_first_frame_is_shown()
    {
        using var moving = new Image<Rgb24>(20, 10, new Rgb24(200, 10, 20));
        moving.Frames.AddFrame(new Image<Rgb24>(20, 10, new Rgb24(0, 0, 255)).Frames.RootFrame);
        using var file = new MemoryStream();
        moving.SaveAsGif(file);
        using var image = Pictures.Decoder().Decode(file.ToArray());
        Assert.Equal([200, 10, 20], image.Row(5)[..3].ToArray());
    }

    [Fact]
    public void Of_a_moving_WebP_the_first_frame_is_shown_in_its_place()
    {
        // A canvas of 40 x 30 whose first frame, 20 x 10, lies at (4, 6): offsets are stored in units of two.
        var still = Encoded.Scene(20, 10, new WebpEncoder { FileFormat = WebpFileFormatType.Lossless });
        byte[] frame = [2, 0, 0, 3, 0, 0, 19, 0, 0, 9, 0, 0, 100, 0, 0, 0, .. still[12..]];
        byte[] chunks =
        [
            .. "WEBPVP8X"u8, 10, 0, 0, 0, 0x02, 0, 0, 0, 39, 0, 0, 29, 0, 0,
            .. "ANIM"u8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            .. "ANMF"u8, .. BitConverter.GetBytes(frame.Length), .. frame,
        ];
        byte[] file = [.. "RIFF"u8, .. BitConverter.GetBytes(chunks.Length), .. chunks];
        using var scene = Encoded.Scene(20, 10);
        using var image = Pictures.Decoder().Decode(file);
        Assert.Equal((40, 30), (image.Width, image.Height));
        Assert.Equal([255, 255, 255], image.Row(0)[..3].ToArray());
        Assert.Equal(scene.Row(3), image.Row(6 + 3).Slice(4 * 3, 20 * 3));
    }

    [Fact]
    public void Transparency_shows_the_background()
    {
        using var picture = new Image<Rgba32>(2, 1);
        (picture[0, 0], picture[1, 0]) = (new Rgba32(10, 20, 30, 0), new Rgba32(100, 0, 200, 128));
        using var file = new MemoryStream();
        picture.SaveAsPng(file);
        using var image = new ImageDecoder(new ImagingOptions { Background = "#00ff00" }).Decode(file.ToArray());
        // 100 * 128 / 255 = 50.2; 255 * 127 / 255 = 127; 200 * 128 / 255 = 100.4
        Assert.Equal([0, 255, 0, 50, 127, 100], image.Pixels.ToArray());
    }

    [Theory]
    [InlineData(null)]
    [InlineData(false)]
    public void All_eight_orientations_end_upright(bool? useTurbo)
    {
        using var scene = Encoded.Scene(96, 64);
        for (var orientation = 1; orientation <= 8; orientation++)
        {
            using var stored = Stored(scene, orientation);
            var jpeg = Encoded.WithOrientation(Encoded.Encode(stored, new SharpJpegEncoder { Quality = 98 }), orientation);
            using var image = Pictures.Decoder(useTurbo).Decode(jpeg);
            Assert.Equal((96, 64), (image.SourceWidth, image.SourceHeight));
            Assert.InRange(Pictures.Difference(scene.Pixels, image.Pixels).Mean, 0, 2);
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(8)]
    public void The_same_photo_in_all_orientations_is_the_same_picture(int orientation)
    {
        var geometry = new InputGeometry(224, 224, ResizeMode.ShortestCrop) { ResizeShortest = 256 };
        using var upright = Pictures.Decoder().Decode(
            SharedFiles.Bytes("images/exif/Landscape_1.jpg"), size => geometry.NeededSize(size.Width, size.Height));
        using var turned = Pictures.Decoder().Decode(
            SharedFiles.Bytes($"images/exif/Landscape_{orientation}.jpg"), size => geometry.NeededSize(size.Width, size.Height));
        Assert.Equal((upright.SourceWidth, upright.SourceHeight), (turned.SourceWidth, turned.SourceHeight));
        // The photos differ by the digit painted in their middle.
        Assert.InRange(Pictures.Difference(Pictures.Write(upright, geometry), Pictures.Write(turned, geometry)).Mean, 0, 3);
    }

    [Theory]
    [InlineData("images/formats/16-bit-grey-alpha.png")]
    [InlineData("images/formats/grey-8bit-alpha.png")]
    [InlineData("images/formats/4.webp")]
    [InlineData("images/formats/Channel_digital_image_CMYK_color.jpg")]
    public void Unusual_files_decode(string path)
    {
        using var image = Pictures.Decoder().Decode(SharedFiles.Bytes(path));
        Assert.InRange(image.Width, 100, 4000);
    }

    [Fact]
    public void A_picture_too_large_in_bytes_is_refused_with_limit_and_value()
    {
        var decoder = new ImageDecoder(new ImagingOptions { MaxBytes = 99 });
        var exception = Assert.Throws<VisionException>(() => decoder.Decode(new byte[100]));
        Assert.Equal(VisionError.TooLarge, exception.Error);
        Assert.Equal("The picture has 100 bytes; Imaging:MaxBytes allows 99.", exception.Message);
    }

    [Fact]
    public void A_header_of_60000_by_60000_is_refused_before_anything_is_allocated()
    {
        var png = Encoded.Scene(8, 8, new SharpPngEncoder());
        (png[18], png[19], png[22], png[23]) = (0xEA, 0x60, 0xEA, 0x60);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var exception = Assert.Throws<VisionException>(() => Pictures.Decoder().Decode(png));
        Assert.Equal("The picture is 60000 x 60000 pixels; Imaging:MaxSide allows 16384.", exception.Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    [Fact]
    public void A_png_with_fewer_bytes_than_its_size_can_be_packed_into_is_refused_before_anything_is_allocated()
    {
        var png = Encoded.Scene(8, 8, new SharpPngEncoder());
        (png[18], png[19], png[22], png[23]) = (0x1B, 0x58, 0x1B, 0x58); // 7000 x 7000 in the header
        var before = GC.GetAllocatedBytesForCurrentThread();
        var exception = Assert.Throws<VisionException>(() => Pictures.Decoder().Decode(png));
        Assert.Equal(VisionError.InvalidImage, exception.Error);
        Assert.Contains("cannot hold 7000 x 7000 pixels", exception.Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    [Fact]
    public void Pixels_beyond_the_limit_are_refused_with_limit_and_value()
    {
        var decoder = new ImageDecoder(new ImagingOptions { MaxPixels = 100 });
        var exception = Assert.Throws<VisionException>(() => decoder.Decode(Encoded.Scene(11, 10, new BmpEncoder())));
        Assert.Equal("The picture has 110 pixels (11 x 10); Imaging:MaxPixels allows 100.", exception.Message);
    }

    [Fact]
    public void Pixel_data_far_larger_than_the_header_says_costs_nothing()
    {
        // 200 MB of zeros behind a header of 8 x 8.
        var zeros = PngEncoding(new byte[200_000_000]);
        var small = Encoded.Scene(8, 8, new SharpPngEncoder());
        byte[] bomb = [.. small[..33], .. zeros[33..]];
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            Pictures.Decoder().Decode(bomb).Dispose();
        }
        catch (VisionException exception)
        {
            Assert.Equal(VisionError.InvalidImage, exception.Error);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20_000_000);

        static byte[] PngEncoding(byte[] grey) => VisionService.Imaging.PngEncoder.Encode(grey, 20_000, 10_000, PngColor.Grey);
    }

    [Theory]
    [InlineData("", "The picture is empty (0 bytes).")]
    [InlineData("<!DOCTYPE html><html>", "The file is an HTML page, not a picture.")]
    [InlineData("<?xml version='1.0'?><svg xmlns='x'>", "The file is an SVG drawing, not a picture.")]
    [InlineData("{\"image\": 1}", "The file is JSON, not a picture.")]
    [InlineData("hello", "The file is text, not a picture.")]
    [InlineData("%PDF-1.7", "The picture is a PDF, which is not supported.")]
    [InlineData("II*\0....", "The picture is a TIFF, which is not supported.")]
    [InlineData("\0\0\0 ftypheic", "The picture is a HEIC, which is not supported.")]
    [InlineData("\0\0\0 ftypavif", "The picture is an AVIF, which is not supported.")]
    [InlineData("\u0001\u0002\u0003", "The file is not a picture of a known format.")]
    public void What_is_not_a_picture_is_named(string content, string reason)
    {
        var exception = Assert.Throws<VisionException>(() => Pictures.Decoder().Decode(Encoding.Latin1.GetBytes(content)));
        Assert.Equal(VisionError.InvalidImage, exception.Error);
        Assert.Equal($"{reason} JPEG, PNG, WebP, BMP and GIF are read.", exception.Message);
    }

    private static RgbImage Stored(RgbImage upright, int orientation)
    {
        // The inverse of each orientation is itself, but for the two quarter turns.
        var inverse = orientation switch { 6 => 8, 8 => 6, _ => orientation };
        return Orientation.Upright(Pictures.Crop(upright, 0, 0, upright.Width, upright.Height), inverse);
    }

    private static IImageEncoder Encoder(string format) => format switch
    {
        "jpeg" => new SharpJpegEncoder { Quality = 95 },
        "png" => new SharpPngEncoder(),
        "interlaced png" => new SharpPngEncoder { InterlaceMethod = PngInterlaceMode.Adam7 },
        "16-bit png" => new SharpPngEncoder { BitDepth = PngBitDepth.Bit16 },
        "bmp" => new BmpEncoder(),
        "webp" => new WebpEncoder { Quality = 95 },
        "lossless webp" => new WebpEncoder { FileFormat = WebpFileFormatType.Lossless },
        _ => new GifEncoder(),
    };
}
