using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Explanation;

public class HeatMapPictureTests
{
    public static TheoryData<string, int, int> Placements => new()
    {
        { "letterbox", 300, 160 }, { "letterbox", 90, 250 }, { "crop", 300, 160 }, { "crop", 90, 250 },
        { "crop", 1000, 500 }, { "stretch", 200, 75 }, { "none", 80, 130 },
    };

    [Theory]
    [MemberData(nameof(Placements))]
    public void Heat_lies_where_the_network_looked(string mode, int width, int height)
    {
        var placement = Geometry(mode).Place(width, height);
        var map = HotCell(placement, out var x, out var y);
        using var image = Black(width, height);

        HeatMapPicture.Draw(image, map, placement, ColorMap.Inferno, opacity: 1);

        // The hottest pixel is the one whose centre is nearest to the cell's.
        var (column, row) = Brightest(image, new Rgb(255, 255, 255));
        Assert.Equal(x, column + 0.5f, 0.51f);
        Assert.Equal(y, row + 0.5f, 0.51f);
    }

    [Theory]
    [InlineData(500, 250, 1001, 500)]
    [InlineData(125, 63, 1000, 500)]
    public void A_picture_held_smaller_than_its_source_is_no_different(
        int width, int height, int sourceWidth, int sourceHeight)
    {
        var placement = Geometry("crop").Place(sourceWidth, sourceHeight);
        var map = HotCell(placement, out var x, out var y);
        using var image = new RgbImage(width, height, sourceWidth, sourceHeight)
        {
            Extent = new PixelBox(0, 0, width - 0.25, height - 0.5),
        };
        image.Pixels.Clear();

        HeatMapPicture.Draw(image, map, placement, ColorMap.Inferno, opacity: 1);

        var (column, row) = Brightest(image, new Rgb(255, 255, 255));
        Assert.Equal(x * (width - 0.25f) / sourceWidth, column + 0.5f, 0.6f);
        Assert.Equal(y * (height - 0.5f) / sourceHeight, row + 0.5f, 0.6f);
    }

    [Fact]
    public void The_pixels_seen_are_those_that_the_crop_kept()
    {
        // 200 x 100 becomes 64 x 32, of which columns 16 to 47 are kept: 50 to 149 of the picture.
        var placement = new InputGeometry(32, 32, ResizeMode.ShortestCrop).Place(200, 100);
        using var image = Red(200, 100);

        HeatMapPicture.Draw(image, new HeatMap(1, 1, [1]), placement, ColorMap.Jet, opacity: 0);

        Assert.Equal(new Rgb(26, 26, 26), Pixel(image, 48, 50)); // luma 59 at 45 %
        Assert.Equal(new Rgb(255, 255, 255), Pixel(image, 50, 50));
        Assert.Equal(new Rgb(200, 0, 0), Pixel(image, 51, 50));
        Assert.Equal(new Rgb(200, 0, 0), Pixel(image, 148, 0)); // no line where nothing was cut off
        Assert.Equal(new Rgb(255, 255, 255), Pixel(image, 149, 0));
        Assert.Equal(new Rgb(26, 26, 26), Pixel(image, 150, 99));
    }

    [Fact]
    public void Opacity_mixes_the_colour_with_the_pixel_and_0_leaves_a_whole_picture_alone()
    {
        var placement = Geometry("letterbox").Place(40, 20);
        using var image = Red(40, 20);
        var map = new HeatMap(2, 1, [1, 0]);
        HeatMapPicture.Draw(image, map, placement, ColorMap.Jet, opacity: 0);
        Assert.Equal(new Rgb(200, 0, 0), Pixel(image, 0, 0));
        Assert.Equal(new Rgb(200, 0, 0), Pixel(image, 39, 19));

        HeatMapPicture.Draw(image, map, placement, ColorMap.Jet, opacity: 0.5f);
        Assert.Equal(new Rgb(164, 0, 0), Pixel(image, 0, 0)); // jet's end is 127 0 0, its beginning 0 0 127
        Assert.Equal(new Rgb(100, 0, 64), Pixel(image, 39, 0));
    }

    [Fact]
    public void The_bare_map_keeps_0_for_what_was_not_seen()
    {
        var placement = new InputGeometry(32, 32, ResizeMode.ShortestCrop).Place(200, 100);
        var png = PngValues.Read(HeatMapPicture.Bare(new HeatMap(2, 1, [0, 3]), placement, ColorMap.Turbo, 100, 50));

        Assert.Equal((100, 50, 3), (png.Width, png.Height, png.Color));
        var row = png.Values.AsSpan(20 * 100, 100);
        Assert.False(row[..25].ContainsAnyExcept((ushort)0));
        Assert.Equal(1, row[25]);
        Assert.Equal(255, row[74]);
        Assert.InRange(row[50], 128, 135); // a little past the middle of the ramp
        Assert.False(row[75..].ContainsAnyExcept((ushort)0));
    }

    [Fact]
    public void The_bare_map_lies_as_the_drawn_one_does()
    {
        var placement = Geometry("letterbox").Place(300, 160);
        var map = HotCell(placement, out var x, out var y);
        var png = PngValues.Read(HeatMapPicture.Bare(map, placement, ColorMap.Jet, 300, 160));
        var hottest = Array.IndexOf(png.Values, png.Values.Max());
        Assert.Equal(x, (hottest % 300) + 0.5f, 0.51f);
        Assert.Equal(y, (hottest / 300) + 0.5f, 0.51f);
    }

    [Fact]
    public void Twice_gives_the_same_bytes()
    {
        var placement = Geometry("crop").Place(90, 250);
        var map = new HeatMap(7, 7, Draws.Normal(49));
        using var first = Pictures.Noise(90, 250);
        using var second = Pictures.Noise(90, 250);
        HeatMapPicture.Draw(first, map, placement, ColorMap.Jet);
        HeatMapPicture.Draw(second, map, placement, ColorMap.Jet);
        Assert.True(first.Pixels.SequenceEqual(second.Pixels));
    }

    [Fact]
    public void A_placement_of_another_picture_is_misuse()
    {
        using var image = Black(10, 10);
        Assert.Throws<ArgumentException>(() => HeatMapPicture.Draw(
            image, new HeatMap(1, 1, [1]), Geometry("crop").Place(11, 10), ColorMap.Jet));
    }

    private static InputGeometry Geometry(string mode) => mode switch
    {
        "letterbox" => new InputGeometry(128, 96, ResizeMode.Letterbox),
        "crop" => new InputGeometry(112, 112, ResizeMode.ShortestCrop) { ResizeShortest = 128 },
        "stretch" => new InputGeometry(64, 96, ResizeMode.Stretch),
        _ => new InputGeometry(96, 96, ResizeMode.None),
    };

    /// <summary>A map of 8 x 8 with one hot cell, and the place of its centre in the source.</summary>
    private static HeatMap HotCell(in Placement placement, out float x, out float y)
    {
        var values = new float[64];
        values[(3 * 8) + 4] = 1;
        x = placement.ToSourceX(4.5f / 8 * placement.Geometry.Width);
        y = placement.ToSourceY(3.5f / 8 * placement.Geometry.Height);
        return new HeatMap(8, 8, values);
    }

    private static RgbImage Black(int width, int height)
    {
        var image = new RgbImage(width, height);
        image.Pixels.Clear();
        return image;
    }

    private static RgbImage Red(int width, int height)
    {
        var image = Black(width, height);
        for (var i = 0; i < image.Pixels.Length; i += 3)
        {
            image.Pixels[i] = 200;
        }

        return image;
    }

    private static Rgb Pixel(RgbImage image, int x, int y)
    {
        var pixel = image.Row(y).Slice(x * 3, 3);
        return new Rgb(pixel[0], pixel[1], pixel[2]);
    }

    /// <summary>The middle of the brightest pixels, of which there may be several, the border's left out.</summary>
    private static (float X, float Y) Brightest(RgbImage image, Rgb border)
    {
        var (luma, sumX, sumY, count) = (-1, 0, 0, 0);
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
            {
                var pixel = Pixel(image, x, y);
                if (pixel == border || pixel.Luma < luma)
                {
                    continue;
                }

                if (pixel.Luma > luma)
                {
                    (luma, sumX, sumY, count) = (pixel.Luma, 0, 0, 0);
                }

                (sumX, sumY, count) = (sumX + x, sumY + y, count + 1);
            }
        }

        return ((float)sumX / count, (float)sumY / count);
    }
}
