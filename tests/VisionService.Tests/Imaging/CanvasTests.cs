using VisionService.Imaging;

namespace VisionService.Tests.Imaging;

public sealed class CanvasTests
{
    private static readonly Rgb Red = new(255, 0, 0);
    private static readonly Rgb Yellow = new(255, 255, 0);

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(320, 240, 1)] // 240 / 300 = .8
    [InlineData(810, 1080, 3)] // 2.7
    [InlineData(1920, 1080, 4)] // 3.6
    [InlineData(4000, 3000, 10)]
    public void The_line_is_a_three_hundredth_of_the_shorter_side(int width, int height, int line)
    {
        using var image = new RgbImage(width, height);
        Assert.Equal(line, new Canvas(image).Line);
    }

    [Theory]
    [InlineData(100, 80)]
    [InlineData(900, 700)] // lines of two pixels
    [InlineData(1000, 1200)] // of three
    public void A_frame_colours_its_four_edges_and_nothing_within_or_without(int width, int height)
    {
        using var image = Blank(width, height);
        var canvas = new Canvas(image);
        canvas.Frame(20, 10, 70, 60, Red);
        Assert.All(
            new[] { (20, 30), (69, 30), (40, 10), (40, 59) },
            edge => Assert.Equal(Red, NearestEdge(image, edge, canvas.Line)));
        var slack = canvas.Line;
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var isInside = x >= 20 + slack && x < 70 - slack && y >= 10 + slack && y < 60 - slack;
                var isOutside = x < 20 - slack || x >= 70 + slack || y < 10 - slack || y >= 60 + slack;
                if (isInside || isOutside)
                {
                    Assert.Equal(default, At(image, x, y));
                }
            }
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(320, 240)]
    [InlineData(1920, 1080)]
    [InlineData(1333, 901)]
    public void A_frame_around_the_whole_picture_shows_all_its_edges(int width, int height)
    {
        using var image = Blank(width, height);
        new Canvas(image).Frame(0, 0, width, height, Red);
        for (var x = 0; x < width; x++)
        {
            Assert.Equal((Red, Red), (At(image, x, 0), At(image, x, height - 1)));
        }

        for (var y = 0; y < height; y++)
        {
            Assert.Equal((Red, Red), (At(image, 0, y), At(image, width - 1, y)));
        }
    }

    [Theory]
    [InlineData(-1e9f, -1e9f, 1e9f, 1e9f)]
    [InlineData(float.NaN, 0, float.PositiveInfinity, 5)]
    [InlineData(50, 50, 40, 40)]
    [InlineData(500, 500, 600, 600)]
    public void What_lies_outside_is_not_drawn_and_breaks_nothing(float xMin, float yMin, float xMax, float yMax)
    {
        // The buffer is pooled and longer than the picture: what follows it must stay as it was.
        using var image = Blank(30, 20);
        var canvas = new Canvas(image);
        canvas.Frame(xMin, yMin, xMax, yMax, Red);
        canvas.Point(xMin, yMax, Red);
        canvas.Caption(xMin, yMin, "far away", Red);
        Assert.Contains(Red, All(image));
    }

    [Theory] // x, y of the box's corner
    [InlineData(0, 0)]
    [InlineData(100, 50)]
    [InlineData(319, 239)]
    [InlineData(319, 0)]
    [InlineData(0, 239)]
    [InlineData(-20, 300)]
    public void A_caption_is_whole_wherever_its_box_is(float x, float y)
    {
        using var image = Blank(320, 240);
        new Canvas(image).Caption(x, y, "dog 0.91", Yellow);
        // Eight glyphs of 6 dots less the last gap, padding of 2 around: 51 x 12, its ground yellow, its ink black.
        var inked = All(image).Count(pixel => pixel == Yellow) + Ink("dog 0.91");
        Assert.Equal(51 * 12, inked);
    }

    [Fact]
    public void A_caption_stands_above_its_box()
    {
        using var image = Blank(320, 240);
        new Canvas(image).Caption(100, 50, "dog", Yellow);
        Assert.Equal(
            (default, Yellow, Yellow, default),
            (At(image, 100, 37), At(image, 100, 38), At(image, 100, 49), At(image, 100, 50)));
        Assert.Equal((default, Yellow), (At(image, 99, 45), At(image, 100, 45)));
    }

    [Fact]
    public void A_caption_without_room_above_stands_inside_its_box()
    {
        using var image = Blank(320, 240);
        new Canvas(image).Caption(100, 5, "dog", Yellow);
        Assert.Equal((default, Yellow), (At(image, 100, 4), At(image, 100, 5)));
    }

    [Fact]
    public void A_caption_wider_than_the_picture_is_cut_at_a_letter()
    {
        // 40 pixels: (40 - 4 + 1) / 6 = 6 letters of the eleven
        using var image = Blank(40, 40);
        using var six = Blank(40, 40);
        new Canvas(image).Caption(0, 20, "fire hydrant", Yellow);
        new Canvas(six).Caption(0, 20, "fire h", Yellow);
        Assert.Equal(six.Pixels, image.Pixels);
    }

    [Theory]
    [InlineData("Käse", "K?se")]
    [InlineData("猫", "?")]
    [InlineData("a\tb\u007F", "a?b?")]
    public void A_letter_without_a_glyph_is_a_question_mark(string text, string shown)
    {
        using var image = Blank(100, 60);
        using var expected = Blank(100, 60);
        new Canvas(image).Caption(5, 30, text, Yellow);
        new Canvas(expected).Caption(5, 30, shown, Yellow);
        Assert.Equal(expected.Pixels, image.Pixels);
    }

    [Fact]
    public void A_pair_of_surrogates_is_one_letter()
    {
        using var image = Blank(100, 60);
        using var expected = Blank(100, 60);
        new Canvas(image).Caption(5, 30, "a😀b", Yellow);
        new Canvas(expected).Caption(5, 30, "a?b", Yellow);
        Assert.Equal(expected.Pixels, image.Pixels);
    }

    [Fact]
    public void Ink_is_black_on_bright_and_white_on_dark_ground()
    {
        foreach (var (ground, ink) in new[] { (Yellow, new Rgb(0, 0, 0)), (new Rgb(0, 0, 90), new Rgb(255, 255, 255)) })
        {
            using var image = Blank(100, 60);
            image.Pixels.Fill(1);
            new Canvas(image).Caption(0, 40, "M", ground);
            Assert.Contains(ink, All(image));
        }
    }

    [Fact]
    public void Every_ASCII_character_has_a_glyph_of_its_own()
    {
        var glyphs = Enumerable.Range(' ', 95).Select(
            static code => Convert.ToHexString(Glyphs.Of((char)code))).ToArray();
        Assert.Equal(95, glyphs.Distinct().Count());
        Assert.Equal("0000000000", glyphs[0]);
    }

    [Fact]
    public void A_class_has_one_colour_and_neighbours_have_others()
    {
        Assert.Equal(Rgb.OfClass(16), Rgb.OfClass(16));
        Assert.Equal(80, Enumerable.Range(0, 80).Select(Rgb.OfClass).Distinct().Count());
        Assert.All(Enumerable.Range(0, 80), static id =>
        {
            var (a, b) = (Rgb.OfClass(id), Rgb.OfClass(id + 1));
            Assert.True(Math.Abs(a.R - b.R) + Math.Abs(a.G - b.G) + Math.Abs(a.B - b.B) > 100, $"{id}: {a}, {b}");
        });
        Assert.IsType<Rgb>(Rgb.OfClass(int.MaxValue));
    }

    private static int Ink(string text)
    {
        var dots = 0;
        foreach (var character in text)
        {
            foreach (var column in Glyphs.Of(character))
            {
                dots += int.PopCount(column);
            }
        }

        return dots;
    }

    /// <summary>The frame's colour, where it lies within half a line of a pixel; black where it does not.</summary>
    private static Rgb NearestEdge(RgbImage image, (int X, int Y) at, int line)
    {
        var around = from y in Enumerable.Range(at.Y - (line / 2), line)
                     from x in Enumerable.Range(at.X - (line / 2), line)
                     select At(image, x, y);
        return around.FirstOrDefault(static pixel => pixel != default);
    }

    private static RgbImage Blank(int width, int height)
    {
        var image = new RgbImage(width, height);
        image.Pixels.Clear();
        return image;
    }

    private static Rgb At(RgbImage image, int x, int y) => new(
        image.Row(y)[x * 3], image.Row(y)[(x * 3) + 1], image.Row(y)[(x * 3) + 2]);

    private static IEnumerable<Rgb> All(RgbImage image) =>
        from y in Enumerable.Range(0, image.Height) from x in Enumerable.Range(0, image.Width) select At(image, x, y);
}
