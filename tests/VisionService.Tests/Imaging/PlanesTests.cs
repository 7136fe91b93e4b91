using VisionService.Imaging;

namespace VisionService.Tests.Imaging;

public sealed class PlanesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(53)]
    public void Splitting_by_vector_equals_splitting_by_pixel(int width)
    {
        using var image = Pictures.Noise(width, 1);
        var (vector, scalar) = (new byte[3 * width], new byte[3 * width]);
        Planes.Split(image.Pixels, vector.AsSpan(0, width), vector.AsSpan(width, width), vector.AsSpan(2 * width));
        Planes.Split(image.Pixels, scalar.AsSpan(0, width), scalar.AsSpan(width, width), scalar.AsSpan(2 * width), vectorize: false);
        Assert.Equal(scalar, vector);
    }

    [Fact]
    public void Planes_are_red_green_blue()
    {
        using var image = new RgbImage(2, 1);
        new byte[] { 1, 2, 3, 4, 5, 6 }.CopyTo(image.Pixels);
        Assert.Equal([1, 4, 2, 5, 3, 6], Pictures.Write(image, new InputGeometry(2, 1, ResizeMode.None)));
    }

    [Fact]
    public void Grey_is_Pillows_L()
    {
        using var image = new RgbImage(3, 1);
        new byte[] { 255, 0, 0, 0, 255, 0, 0, 0, 255 }.CopyTo(image.Pixels);
        // 0.299, 0.587 and 0.114 of 255
        Assert.Equal([76, 150, 29], Pictures.Write(image, new InputGeometry(3, 1, ResizeMode.None), channels: 1));
    }

    [Fact]
    public void What_the_picture_does_not_cover_is_padding()
    {
        using var image = new RgbImage(4, 2);
        image.Pixels.Fill(9);
        var planes = Pictures.Write(image, new InputGeometry(4, 4, ResizeMode.Letterbox) { Pad = 114 }, channels: 1);
        Assert.Equal([114, 114, 114, 114, 9, 9, 9, 9, 9, 9, 9, 9, 114, 114, 114, 114], planes);
    }

    [Fact]
    public void Without_resizing_the_top_left_is_cut_out_or_filled_up()
    {
        using var image = new RgbImage(3, 1);
        new byte[] { 1, 1, 1, 2, 2, 2, 3, 3, 3 }.CopyTo(image.Pixels);
        Assert.Equal([1, 2, 7, 7], Pictures.Write(image, new InputGeometry(2, 2, ResizeMode.None) { Pad = 7 }, channels: 1)[..4]);
    }

    [Fact]
    public void A_span_of_another_size_is_refused()
    {
        using var image = new RgbImage(3, 1);
        var placement = new InputGeometry(2, 2, ResizeMode.Stretch).Place(3, 1);
        Assert.Throws<ArgumentException>(() => Planes.Write(image, placement, new byte[11]));
    }

    [Fact]
    public void Resizing_into_planes_allocates_nothing()
    {
        using var image = Pictures.Noise(640, 480);
        var geometry = new InputGeometry(224, 224, ResizeMode.ShortestCrop) { ResizeShortest = 256 };
        var planes = new byte[3 * 224 * 224];
        var least = long.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            // The best of some rounds: a collection in the middle of one may empty the pool.
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 20; i++)
            {
                Planes.Write(image, geometry.Place(640, 480), planes);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.InRange(least, 0, 20 * 64);
    }
}
