namespace VisionService.Imaging;

/// <summary>Draws boxes and captions onto an image, in sizes that follow the image's.</summary>
internal readonly struct Canvas
{
    private readonly RgbImage _image;

    public Canvas(RgbImage image)
    {
        _image = image;
        var side = Math.Min(image.Width, image.Height);
        Dot = Math.Max(1, (int)Math.Round(side / 400.0));
        Line = Math.Max(1, (int)Math.Round(side / 300.0));
    }

    /// <summary>Width of lines in pixels: a three-hundredth of the shorter side.</summary>
    public int Line { get; }

    /// <summary>Side of a glyph's dot in pixels.</summary>
    private int Dot { get; }

    /// <summary>A frame of which the middle of the line lies on the edges given: on the last pixels within, right and
    /// below.</summary>
    public void Frame(float xMin, float yMin, float xMax, float yMax, Rgb color)
    {
        var without = Line / 2;
        var (left, top) = (Pixel(xMin) - without, Pixel(yMin) - without);
        var (right, bottom) = (Pixel(xMax) + without, Pixel(yMax) + without);
        Fill(left, top, right, top + Line, color);
        Fill(left, bottom - Line, right, bottom, color);
        Fill(left, top, left + Line, bottom, color);
        Fill(right - Line, top, right, bottom, color);
    }

    /// <summary>A filled square around a point.</summary>
    public void Point(float x, float y, Rgb color)
    {
        var (column, row) = (Pixel(x), Pixel(y));
        Fill(column - Line, row - Line, column + Line + 1, row + Line + 1, color);
    }

    /// <summary>
    /// A caption on a ground of the colour given, in black or white, whichever is easier to read. It stands on the
    /// point's left and above it, or where that would leave the image, inside.
    /// </summary>
    public void Caption(float x, float y, string text, Rgb ground)
    {
        var padding = 2 * Dot;
        var room = Math.Max(1, (_image.Width - (2 * padding) + Dot) / ((Glyphs.Width + 1) * Dot));
        var letters = string.Concat(text.EnumerateRunes().Select(Glyphs.Shown)); // one for each, also where it is a pair of chars
        var shown = letters.Length <= room ? letters : letters[..room];
        var width = (((shown.Length * (Glyphs.Width + 1)) - 1) * Dot) + (2 * padding);
        var height = (Glyphs.Height * Dot) + (2 * padding);
        var left = Math.Clamp(Pixel(x) - (Line / 2), 0, Math.Max(0, _image.Width - width));
        var top = Pixel(y) - (Line / 2) - height;
        top = Math.Clamp(top < 0 ? Pixel(y) : top, 0, Math.Max(0, _image.Height - height));

        Fill(left, top, left + width, top + height, ground);
        var ink = ground.Luma > 140 ? new Rgb(0, 0, 0) : new Rgb(255, 255, 255);
        for (var i = 0; i < shown.Length; i++)
        {
            Glyph(left + padding + (i * (Glyphs.Width + 1) * Dot), top + padding, shown[i], ink);
        }
    }

    private static int Pixel(float position) => (int)Math.Clamp(MathF.Round(position), -1e6f, 1e6f);

    private void Glyph(int left, int top, char character, Rgb ink)
    {
        var columns = Glyphs.Of(character);
        for (var column = 0; column < Glyphs.Width; column++)
        {
            for (var row = 0; row < Glyphs.Height; row++)
            {
                if ((columns[column] >> row & 1) != 0)
                {
                    Fill(left + (column * Dot), top + (row * Dot), left + ((column + 1) * Dot), top + ((row + 1) * Dot), ink);
                }
            }
        }
    }

    private void Fill(int left, int top, int right, int bottom, Rgb color)
    {
        (left, right) = (Math.Max(left, 0), Math.Min(right, _image.Width));
        (top, bottom) = (Math.Max(top, 0), Math.Min(bottom, _image.Height));
        for (var y = top; y < bottom; y++)
        {
            var row = _image.Row(y);
            for (var x = left; x < right; x++)
            {
                (row[x * 3], row[(x * 3) + 1], row[(x * 3) + 2]) = (color.R, color.G, color.B);
            }
        }
    }
}

/// <summary>A colour.</summary>
internal readonly record struct Rgb(byte R, byte G, byte B)
{
    /// <summary>How bright it looks, 0-255 (ITU-R BT.601).</summary>
    public int Luma => ((299 * R) + (587 * G) + (114 * B)) / 1000;

    /// <summary>The colour of a class: the same for every image, and far from its neighbours' by steps of the golden
    /// angle.</summary>
    public static Rgb OfClass(int classId)
    {
        var hue = classId * 137.508 % 360;
        var value = 1 - (0.2 * (classId / 12 % 3));
        byte Channel(double n)
        {
            var k = (n + (hue / 60)) % 6;
            return (byte)(255 * value * (1 - (0.85 * Math.Clamp(Math.Min(k, 4 - k), 0, 1))));
        }

        return new Rgb(Channel(5), Channel(3), Channel(1));
    }
}
