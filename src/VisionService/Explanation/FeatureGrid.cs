using VisionService.Imaging;

namespace VisionService.Explanation;

/// <summary>The channels of a layer side by side, as one picture that is about as wide as high.</summary>
/// <remarks>Rows of cells, the first channel on the top left. Each channel runs through viridis from its own lowest to
/// its own highest value, as in Chollet's book.</remarks>
internal sealed class FeatureGrid
{
    private const int Gap = 1;

    // Small maps are enlarged to about this.
    private const int CellSide = 48;

    private const byte White = 255;

    private readonly int _channels;
    private readonly int _height;
    private readonly int _width;

    /// <summary>Lays out the grid.</summary>
    /// <param name="channels">K.</param>
    /// <param name="height">h.</param>
    /// <param name="width">w.</param>
    /// <param name="maxSide">Neither side of the picture is longer, unless a single channel is. Cells shrink first, to
    /// a pixel for each value; then the last channels go.</param>
    public FeatureGrid(int channels, int height, int width, int maxSide = 2048)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        (_channels, _height, _width) = (channels, height, width);
        for (Scale = Math.Max(1, CellSide / Math.Max(height, width)); ; Scale--)
        {
            var room = (Columns: Room(width, maxSide), Rows: Room(height, maxSide));
            Shown = (int)Math.Min(channels, (long)room.Columns * room.Rows);
            if (Shown == channels || Scale == 1)
            {
                // The shortest longer side, and rather wide than high.
                var (fewest, most) = (RowsOf(room.Rows), Math.Min(room.Columns, Shown));
                Columns = Enumerable.Range(fewest, most - fewest + 1).Reverse()
                    .MinBy(columns => Math.Max(columns * Cell(width), RowsOf(columns) * Cell(height)));
                Rows = RowsOf(Columns);
                return;
            }
        }
    }

    /// <summary>Pixels along each axis for one value.</summary>
    public int Scale { get; }

    /// <summary>How many channels there was room for: the first ones.</summary>
    public int Shown { get; }

    public int Columns { get; }

    public int Rows { get; }

    /// <summary>Of the picture.</summary>
    public int Width => (Columns * Cell(_width)) + Gap;

    /// <summary>Of the picture.</summary>
    public int Height => (Rows * Cell(_height)) + Gap;

    /// <summary>The picture; the caller disposes of it.</summary>
    /// <param name="activations">[K, h, w]. What is not finite shows as the lowest value.</param>
    public RgbImage Draw(ReadOnlySpan<float> activations)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(activations.Length, _channels * _height * _width);
        var image = new RgbImage(Width, Height);
        image.Pixels.Fill(White);
        var area = _height * _width;
        for (var k = 0; k < Shown; k++)
        {
            var (left, top) = ((k % Columns * Cell(_width)) + Gap, (k / Columns * Cell(_height)) + Gap);
            Draw(activations.Slice(k * area, area), image, left, top);
        }

        return image;
    }

    private void Draw(ReadOnlySpan<float> channel, RgbImage image, int left, int top)
    {
        var (min, max) = (float.PositiveInfinity, float.NegativeInfinity);
        foreach (var value in channel)
        {
            (min, max) = float.IsFinite(value) ? (Math.Min(min, value), Math.Max(max, value)) : (min, max);
        }

        var steps = max > min ? 255 / ((double)max - min) : 0;
        var colors = ColorMap.Viridis.Rgb;
        for (var y = 0; y < _height * Scale; y++)
        {
            var pixels = image.Row(top + y).Slice(left * 3, _width * Scale * 3);
            if (y % Scale != 0)
            {
                image.Row(top + y - 1).Slice(left * 3, pixels.Length).CopyTo(pixels);
                continue;
            }

            var values = channel.Slice(y / Scale * _width, _width);
            for (var x = 0; x < _width * Scale; x++)
            {
                var value = values[x / Scale];
                var color = float.IsFinite(value) ? (int)(((value - (double)min) * steps) + 0.5) : 0;
                colors.Slice(color * 3, 3).CopyTo(pixels[(x * 3)..]);
            }
        }
    }

    /// <summary>How many lines the channels fill at so many a line.</summary>
    private int RowsOf(int columns) => (Shown + columns - 1) / columns;

    private int Cell(int side) => (side * Scale) + Gap;

    private int Room(int side, int maxSide) => Math.Max(1, (maxSide - Gap) / Cell(side));
}
