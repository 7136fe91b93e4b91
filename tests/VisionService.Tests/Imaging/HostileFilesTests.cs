using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Webp;
using VisionService.Imaging;
using SharpJpegEncoder = SixLabors.ImageSharp.Formats.Jpeg.JpegEncoder;
using SharpPngEncoder = SixLabors.ImageSharp.Formats.Png.PngEncoder;

namespace VisionService.Tests.Imaging;

/// <summary>Whatever arrives, the answer is a picture or a VisionException.</summary>
public sealed class HostileFilesTests
{
    public static TheoryData<string, bool> Files
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var name in (string[])["jpeg", "png", "bmp", "gif", "webp", "lossless webp"])
            {
                data.Add(name, false);
            }

            foreach (var name in (string[])
                ["formats/16-bit-grey-alpha.png", "formats/4.webp", "formats/Channel_digital_image_CMYK_color.jpg",
                "formats/grey-8bit-alpha.png", "exif/Landscape_6.jpg", "people-group-1.jpg"])
            {
                data.Add(name, true);
            }

            if (TurboJpeg.IsInstalled)
            {
                data.Add("jpeg", true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_truncated_file_is_refused(string name, bool useTurbo)
    {
        var file = Load(name);
        var decoder = Pictures.Decoder(useTurbo ? null : false);
        for (var i = 0; i < 50; i++)
        {
            var exception = Assert.Throws<VisionException>(() => decoder.Decode(file.AsSpan(0, file.Length * i / 50)).Dispose());
            Assert.Equal(VisionError.InvalidImage, exception.Error);
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Flipped_bytes_give_a_picture_or_a_reason(string name, bool useTurbo)
    {
        var original = Load(name);
        var decoder = Pictures.Decoder(useTurbo ? null : false);
        var rounds = original.Length > 100_000 ? 30 : 300;
        for (var seed = 0; seed < rounds; seed++)
        {
#pragma warning disable CA5394 // seeds that fail must fail again
            var random = new Random(seed);
            var file = original.ToArray();
            var reach = seed % 2 == 0 ? Math.Min(512, file.Length) : file.Length; // every other time the header takes it all
            for (var flips = random.Next(1, 12); flips > 0; flips--)
            {
                file[random.Next(reach)] = (byte)random.Next(256);
            }
#pragma warning restore CA5394

            try
            {
                decoder.Decode(file).Dispose();
            }
            catch (VisionException exception)
            {
                Assert.True(exception.Error is VisionError.InvalidImage or VisionError.TooLarge, $"seed {seed}");
            }
        }
    }

    [Fact]
    public void Bytes_behind_the_picture_do_no_harm()
    {
        byte[] file = [.. Load("jpeg"), 1, 2, 3, 0xFF, 4];
        Pictures.Decoder().Decode(file).Dispose();
    }

    private static byte[] Load(string name) => name switch
    {
        "jpeg" => Encoded.Scene(160, 120, new SharpJpegEncoder()),
        "png" => Encoded.Scene(160, 120, new SharpPngEncoder()),
        "bmp" => Encoded.Scene(60, 40, new BmpEncoder()),
        "gif" => Encoded.Scene(160, 120, new GifEncoder()),
        "webp" => Encoded.Scene(160, 120, new WebpEncoder()),
        "lossless webp" => Encoded.Scene(160, 120, new WebpEncoder { FileFormat = WebpFileFormatType.Lossless }),
        _ => SharedFiles.Bytes("images/" + name),
    };
}
