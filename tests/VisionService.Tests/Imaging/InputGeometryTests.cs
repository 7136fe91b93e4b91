using VisionService.Imaging;

namespace VisionService.Tests.Imaging;

public sealed class InputGeometryTests
{
    [Fact]
    public void A_letterbox_is_Ultralytics_to_the_pixel()
    {
        // scale 0.5: 640 x 427 -> 320 x 213.5, to even 214; 320 - 214 = 106 -> 53 above
        var placement = new InputGeometry(320, 320, ResizeMode.Letterbox).Place(640, 427);
        Assert.Equal((320, 214, 0, 53), (placement.ResizedWidth, placement.ResizedHeight, placement.Left, placement.Top));
    }

    [Fact]
    public void An_odd_rest_goes_below()
    {
        // 100 x 51 in 100 x 100: 49 rows left, 24.5 - 0.1 -> 24 above, 25 below
        var placement = new InputGeometry(100, 100, ResizeMode.Letterbox).Place(100, 51);
        Assert.Equal(24, placement.Top);
    }

    [Fact]
    public void YOLOX_rounds_down_and_starts_at_the_top_left()
    {
        var geometry = new InputGeometry(416, 416, ResizeMode.Letterbox)
        {
            Align = LetterboxAlign.TopLeft,
            Rounding = LetterboxRounding.Down,
        };
        // 416 / 640 = 0.65: 427 * 0.65 = 277.55
        var placement = geometry.Place(640, 427);
        Assert.Equal((416, 277, 0, 0), (placement.ResizedWidth, placement.ResizedHeight, placement.Left, placement.Top));
    }

    [Theory]
    [InlineData(640, 427, 383, 256, 80, 16)] // int(256 * 640 / 427) = 383; round(79.5) = 80, to even
    [InlineData(427, 640, 256, 383, 16, 80)]
    [InlineData(500, 335, 382, 256, 79, 16)] // (382 - 224) / 2 = 79
    public void The_shorter_side_and_the_crop_are_torchvisions(
        int sourceWidth, int sourceHeight, int width, int height, int cropLeft, int cropTop)
    {
        var placement = new InputGeometry(224, 224, ResizeMode.ShortestCrop) { ResizeShortest = 256 }.Place(sourceWidth, sourceHeight);
        Assert.Equal(
            (width, height, cropLeft, cropTop),
            (placement.ResizedWidth, placement.ResizedHeight, placement.CropLeft, placement.CropTop));
    }

    [Fact]
    public void A_crop_larger_than_the_picture_is_padded_around()
    {
        // shorter side to 200, crop 224: (224 - 200) / 2 = 12 on each side
        var placement = new InputGeometry(224, 224, ResizeMode.ShortestCrop) { ResizeShortest = 200 }.Place(100, 100);
        Assert.Equal((12, 12, 200, 200), (placement.Left, placement.Top, placement.VisibleWidth, placement.VisibleHeight));
    }

    [Fact]
    public void A_strip_keeps_a_pixel()
    {
        var placement = new InputGeometry(320, 320, ResizeMode.Letterbox).Place(5000, 1);
        Assert.Equal((320, 1), (placement.ResizedWidth, placement.ResizedHeight));
    }

    [Theory]
    [InlineData(nameof(ResizeMode.Stretch))]
    [InlineData(nameof(ResizeMode.ShortestCrop))]
    [InlineData(nameof(ResizeMode.Letterbox))]
    [InlineData(nameof(ResizeMode.None))]
    public void There_and_back_is_the_identity(string mode)
    {
        var geometry = new InputGeometry(320, 256, Enum.Parse<ResizeMode>(mode));
        foreach (var (width, height) in new[] { (640, 427), (33, 1999), (320, 256), (1, 1) })
        {
            var placement = geometry.Place(width, height);
            for (var i = -3; i <= 10; i++)
            {
                var (x, y) = (width * i / 7f, height * i / 7f);
                Assert.Equal(x, placement.ToSourceX(placement.ToInputX(x)), 0.01f);
                Assert.Equal(y, placement.ToSourceY(placement.ToInputY(y)), 0.01f);
            }
        }
    }

    [Fact]
    public void The_corners_of_a_stretched_picture_are_the_corners_of_the_input()
    {
        var placement = new InputGeometry(300, 200, ResizeMode.Stretch).Place(1234, 567);
        Assert.Equal((0f, 0f), (placement.ToSourceX(0), placement.ToSourceY(0)));
        Assert.Equal((1234f, 567f), (placement.ToSourceX(300), placement.ToSourceY(200)));
    }

    [Theory]
    [InlineData(640, 427, 320, 224, 5)] // 320 x 214; to the next 32: 10 rows more, 5 of them above (letterbox/flower_320_auto)
    [InlineData(427, 640, 224, 320, 0)]
    [InlineData(500, 500, 320, 320, 0)]
    [InlineData(5000, 1, 320, 32, 15)] // a row of one pixel: 31 / 2 - .1 = 15.4
    public void A_network_that_takes_any_size_gets_the_least_multiples_that_hold_the_picture(
        int sourceWidth, int sourceHeight, int width, int height, int top)
    {
        var fitted = new InputGeometry(320, 320, ResizeMode.Letterbox) { MultipleOf = 32 }.Fitted(sourceWidth, sourceHeight);
        Assert.Equal((width, height, top), (fitted.Width, fitted.Height, fitted.Place(sourceWidth, sourceHeight).Top));
    }

    [Theory]
    [InlineData(640, 480, 1067, 800)] // 800 / 480 * 640 = 1066.7
    [InlineData(2000, 500, 1333, 333)] // the longer side decides: 1333 / 2000 * 500 = 333.25
    [InlineData(480, 640, 800, 1067)]
    public void Shortest_and_longest_side_set_the_scale(int sourceWidth, int sourceHeight, int width, int height)
    {
        var fitted = new InputGeometry(1333, 1333, ResizeMode.Letterbox)
        {
            ResizeShortest = 800,
            ResizeLongest = 1333,
            MultipleOf = 1,
            Align = LetterboxAlign.TopLeft,
        }.Fitted(sourceWidth, sourceHeight);
        var placement = fitted.Place(sourceWidth, sourceHeight);
        Assert.Equal((width, height, width, height), (fitted.Width, fitted.Height, placement.ResizedWidth, placement.ResizedHeight));
    }

    [Fact]
    public void A_stretched_or_fixed_input_stays_as_it_is()
    {
        var stretched = new InputGeometry(320, 320, ResizeMode.Stretch) { MultipleOf = 32 };
        Assert.Same(stretched, stretched.Fitted(640, 100));
        var fixedSize = new InputGeometry(320, 320, ResizeMode.Letterbox);
        Assert.Same(fixedSize, fixedSize.Fitted(640, 100));
    }

    [Theory]
    [InlineData(true, 320, 214)]
    [InlineData(false, 640, 428)] // sampled without antialiasing: what lies between is seen
    public void The_decoder_must_give_what_the_whole_picture_is_resized_to(bool antialias, int width, int height) => Assert.Equal(
        (width, height),
        new InputGeometry(320, 320, ResizeMode.Letterbox) { Antialias = antialias, MultipleOf = 32 }.NeededSize(640, 427));
}
