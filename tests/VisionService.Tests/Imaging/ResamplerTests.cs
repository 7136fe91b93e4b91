using VisionService.Imaging;

namespace VisionService.Tests.Imaging;

public sealed class ResamplerTests
{
    [Fact]
    public void Vector_and_scalar_agree_to_the_bit()
    {
        foreach (var interpolation in Enum.GetValues<Interpolation>())
        {
            foreach (var (source, resized) in new[] { (40, 17), (17, 40), (1, 5), (5, 1), (64, 64), (301, 33), (3, 50) })
            {
                using var image = Pictures.Noise(source, 7, seed: source);
                using var taps = Taps.Create(source, 0, source, resized, 0, resized, interpolation, antialias: source % 2 == 0);
                var stride = (resized * 3) + Resampler.RowSlack;
                var (vector, scalar) = (new byte[7 * stride], new byte[7 * stride]);
                Resampler.Horizontal(image.Pixels, source * 3, vector, stride, 7, taps);
                Resampler.Horizontal(image.Pixels, source * 3, scalar, stride, 7, taps, vectorize: false);
                for (var row = 0; row < 7; row++)
                {
                    Assert.Equal(scalar.AsSpan(row * stride, resized * 3), vector.AsSpan(row * stride, resized * 3));
                }
            }
        }
    }

    [Fact]
    public void Vector_and_scalar_agree_along_y()
    {
        foreach (var interpolation in Enum.GetValues<Interpolation>())
        {
            foreach (var (source, resized) in new[] { (40, 17), (17, 40), (1, 5), (5, 1), (301, 33) })
            {
                const int bytes = 11 * 3;
                using var image = Pictures.Noise(11, source, seed: source);
                using var taps = Taps.Create(source, 0, source, resized, 0, resized, interpolation, antialias: true);
                var (vector, scalar) = (new byte[bytes + Resampler.RowSlack], new byte[bytes + Resampler.RowSlack]);
                for (var y = 0; y < resized; y++)
                {
                    var rows = image.Pixels[(taps.First[y] * bytes)..];
                    var weights = taps.Weights.Slice(y * taps.Size, taps.Size);
                    var pairs = taps.Pairs.Slice(y * taps.Size, taps.Size);
                    Resampler.Vertical(rows, bytes, vector, bytes, weights, pairs);
                    Resampler.Vertical(rows, bytes, scalar, bytes, weights, pairs, vectorize: false);
                    Assert.Equal(scalar.AsSpan(0, bytes), vector.AsSpan(0, bytes));
                }
            }
        }
    }

    [Fact]
    public void A_flat_picture_stays_flat()
    {
        using var image = new RgbImage(37, 23);
        image.Pixels.Fill(201);
        foreach (var interpolation in Enum.GetValues<Interpolation>())
        {
            foreach (var antialias in new[] { true, false })
            {
                var geometry = new InputGeometry(50, 11, ResizeMode.Stretch) { Interpolation = interpolation, Antialias = antialias };
                Assert.All(Pictures.Write(image, geometry), value => Assert.Equal(201, value));
            }
        }
    }

    [Fact]
    public void The_same_size_is_the_same_picture()
    {
        using var image = Pictures.Noise(37, 23);
        foreach (var interpolation in Enum.GetValues<Interpolation>())
        {
            var geometry = new InputGeometry(37, 23, ResizeMode.Stretch) { Interpolation = interpolation };
            Assert.Equal(image.Pixels.ToArray(), Pictures.Interleave(Pictures.Write(image, geometry)));
        }
    }

    [Fact]
    public void A_cropped_resize_is_the_crop_of_the_resize()
    {
        using var image = Pictures.Noise(90, 60);
        var whole = Pictures.Interleave(Pictures.Write(image, new InputGeometry(60, 40, ResizeMode.Stretch)));
        var crop = Pictures.Interleave(
            Pictures.Write(image, new InputGeometry(30, 30, ResizeMode.ShortestCrop) { ResizeShortest = 40 }));
        for (var y = 0; y < 30; y++)
        {
            // (60 - 30) / 2 = 15 and (40 - 30) / 2 = 5
            Assert.Equal(whole.AsSpan((((5 + y) * 60) + 15) * 3, 90), crop.AsSpan(y * 90, 90));
        }
    }
}
