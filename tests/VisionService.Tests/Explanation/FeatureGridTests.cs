using VisionService.Explanation;

namespace VisionService.Tests.Explanation;

public class FeatureGridTests
{
    [Theory]
    [InlineData(512, 7, 7, 23, 23, 6)]
    [InlineData(32, 7, 7, 6, 6, 6)]
    [InlineData(64, 112, 112, 8, 8, 1)]
    [InlineData(16, 24, 96, 2, 8, 1)]
    [InlineData(1, 5, 3, 1, 1, 9)]
    [InlineData(5, 1, 1, 3, 2, 48)]
    public void The_picture_is_about_square(int channels, int height, int width, int columns, int rows, int scale)
    {
        var grid = new FeatureGrid(channels, height, width);
        Assert.Equal((channels, columns, rows, scale), (grid.Shown, grid.Columns, grid.Rows, grid.Scale));
    }

    [Fact]
    public void Cells_shrink_before_channels_go()
    {
        var grid = new FeatureGrid(2048, 7, 7, maxSide: 512); // at 7 + 1 pixels 63 x 63 cells
        Assert.Equal((2048, 1), (grid.Shown, grid.Scale));
        Assert.InRange(grid.Width, 300, 512);
        Assert.InRange(grid.Height, 300, 512);

        grid = new FeatureGrid(2048, 64, 64, maxSide: 512); // 7 x 7 cells
        Assert.Equal((49, 7, 7), (grid.Shown, grid.Columns, grid.Rows));
        Assert.Equal((456, 456), (grid.Width, grid.Height));
    }

    [Fact]
    public void A_single_channel_is_never_cut()
    {
        var grid = new FeatureGrid(3, 100, 50, maxSide: 60);
        Assert.Equal((1, 52, 102), (grid.Shown, grid.Width, grid.Height));
    }

    [Fact]
    public void Each_channel_runs_through_viridis_from_its_lowest_to_its_highest()
    {
        var grid = new FeatureGrid(4, 1, 2);
        using var image = grid.Draw([-5, 5, 1000, 3000, 4, 4, 0, 1]);
        var cell = (2 * grid.Scale) + 1;
        var colors = ColorMap.Viridis.Rgb;
        Assert.Equal((2, 2), (grid.Columns, grid.Rows));
        AssertColor(colors[..3], 1, 1);
        AssertColor(colors[^3..], cell - 1, 1);
        AssertColor(colors[..3], 1 + cell, 1);
        AssertColor(colors[^3..], (2 * cell) - 1, 1);
        AssertColor(colors[..3], 1, grid.Scale + 2);
        AssertColor(colors[..3], cell - 1, grid.Scale + 2);
        AssertColor([255, 255, 255], cell, 1);
        AssertColor([255, 255, 255], grid.Width - 1, grid.Height - 1);

        void AssertColor(ReadOnlySpan<byte> color, int x, int y) =>
            Assert.Equal(color.ToArray(), image.Row(y).Slice(x * 3, 3).ToArray());
    }

    [Fact]
    public void Numbers_that_are_none_show_as_the_lowest()
    {
        var grid = new FeatureGrid(2, 1, 2);
        using var image = grid.Draw([float.NaN, 1, float.NegativeInfinity, float.NaN]);
        Assert.Equal(ColorMap.Viridis.Rgb[..3].ToArray(), image.Row(1).Slice(3, 3).ToArray());
    }
}
