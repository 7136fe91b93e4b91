using VisionService.Imaging;

namespace VisionService.Tests.Imaging;

public sealed class ResizeReferenceTests
{
    [Theory]
    [InlineData("nearest", nameof(Interpolation.Nearest))]
    [InlineData("box", nameof(Interpolation.Box))]
    [InlineData("bilinear", nameof(Interpolation.Bilinear))]
    [InlineData("hamming", nameof(Interpolation.Hamming))]
    [InlineData("bicubic", nameof(Interpolation.Bicubic))]
    [InlineData("lanczos", nameof(Interpolation.Lanczos3))]
    public void Shrinking_equals_Pillow(string name, string interpolation)
    {
        var expected = SharedFiles.Reference($"pil_resize/flower_{name}_160x120");
        using var flower = Pictures.Flower();
        AssertEqual(expected.U8, Stretch(flower, 160, 120, interpolation));
    }

    [Theory]
    [InlineData("bilinear", nameof(Interpolation.Bilinear))]
    [InlineData("bicubic", nameof(Interpolation.Bicubic))]
    [InlineData("lanczos", nameof(Interpolation.Lanczos3))]
    public void Enlarging_equals_Pillow(string name, string interpolation)
    {
        var expected = SharedFiles.Reference($"pil_resize/flower_up_{name}_101x77");
        using var flower = Pictures.Flower();
        using var crop = Pictures.Crop(flower, 100, 80, 40, 30);
        AssertEqual(expected.U8, Stretch(crop, 101, 77, interpolation));
    }

    [Fact]
    public void Keras_nearest_is_Pillow_nearest()
    {
        var expected = SharedFiles.Reference("keras/flower_nearest96_uint8");
        using var flower = Pictures.Flower();
        AssertEqual(expected.U8, Stretch(flower, 96, 96, nameof(Interpolation.Nearest)));
    }

    [Fact]
    public void Keras_bilinear_is_Pillow_bilinear()
    {
        var expected = SharedFiles.Reference("keras/flower_bilinear96_tf").F32;
        using var flower = Pictures.Flower();
        var pixels = Stretch(flower, 96, 96, nameof(Interpolation.Bilinear));
        for (var i = 0; i < pixels.Length; i++)
        {
            Assert.Equal(expected[i], (pixels[i] / 127.5f) - 1, 1e-6f);
        }
    }

    [Fact]
    public void Torchvision_bicubic_232_crop_224_is_equal()
    {
        var expected = SharedFiles.Reference("torchvision/flower_bicubic232_crop224_uint8");
        using var flower = Pictures.Flower();
        var geometry = new InputGeometry(224, 224, ResizeMode.ShortestCrop)
        {
            ResizeShortest = 232,
            Interpolation = Interpolation.Bicubic,
        };
        AssertEqual(expected.U8, Pictures.Interleave(Pictures.Write(flower, geometry)));
    }

    [Fact]
    public void Torchvision_resize_256_crop_224_is_equal()
    {
        var expected = SharedFiles.Reference("torchvision/flower_resize256_crop224_norm").F32;
        float[] mean = [0.485f, 0.456f, 0.406f];
        float[] deviation = [0.229f, 0.224f, 0.225f];
        using var flower = Pictures.Flower();
        var planes = Pictures.Write(flower, new InputGeometry(224, 224, ResizeMode.ShortestCrop) { ResizeShortest = 256 });
        for (var i = 0; i < planes.Length; i++)
        {
            var channel = i / (224 * 224);
            Assert.Equal(expected[i], ((planes[i] / 255f) - mean[channel]) / deviation[channel], 1e-4f);
        }
    }

    [Theory]
    [InlineData("letterbox/flower_320_square", 320)]
    [InlineData("letterbox/flower_320_auto", 224)]
    public void Ultralytics_letterbox_is_equal_within_one(string name, int height)
    {
        var expected = SharedFiles.Reference(name);
        using var flower = Pictures.Flower();
        var geometry = new InputGeometry(320, height, ResizeMode.Letterbox) { Antialias = false, Pad = 114 };
        var (max, mean) = Pictures.Difference(expected.U8, Pictures.Interleave(Pictures.Write(flower, geometry)));
        TestContext.Current.TestOutputHelper?.WriteLine($"max {max}, mean {mean}");
        Assert.True(max <= 1, $"max {max}, mean {mean}");
    }

    [Fact]
    public void Area_is_OpenCVs_within_one()
    {
        var expected = SharedFiles.Reference("cv2/flower_area_97x65");
        using var flower = Pictures.Flower();
        var (max, mean) = Pictures.Difference(expected.U8, Stretch(flower, 97, 65, nameof(Interpolation.Area)));
        TestContext.Current.TestOutputHelper?.WriteLine($"max {max}, mean {mean}");
        Assert.True(max <= 1, $"max {max}, mean {mean}");
    }

    private static byte[] Stretch(RgbImage image, int width, int height, string interpolation)
    {
        var geometry = new InputGeometry(width, height, ResizeMode.Stretch)
        {
            Interpolation = Enum.Parse<Interpolation>(interpolation),
        };
        return Pictures.Interleave(Pictures.Write(image, geometry));
    }

    private static void AssertEqual(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
    {
        var (max, mean) = Pictures.Difference(expected, actual);
        Assert.True(max == 0, $"max {max}, mean {mean}");
    }
}
