using VisionService.Detection;

namespace VisionService.Tests.Detection;

public sealed class TilingTests
{
    [Theory]
    [InlineData(640, 640)]
    [InlineData(320, 200)]
    [InlineData(1, 1)]
    public void An_image_no_larger_than_a_tile_is_one_whole(int width, int height) =>
        Assert.Equal([new Tile(0, 0, width, height)], Tiling.Plan(width, height, 640, 640, 0.2f));

    [Fact]
    public void The_last_tile_is_moved_back_to_the_border()
    {
        // Step 640 * .8 = 512: 0, 512, then 1500 - 640 = 860.
        var lefts = Tiling.Plan(1500, 640, 640, 640, 0.2f).Skip(1).Select(static tile => tile.Left);
        Assert.Equal([0, 512, 860], lefts);
    }

    [Fact]
    public void A_strip_is_tiled_along_its_length_only()
    {
        var tiles = Tiling.Plan(2000, 300, 640, 640, 0.2f);
        Assert.Equal(new Tile(0, 0, 2000, 300), tiles[0]);
        Assert.All(tiles.Skip(1), static tile => Assert.Equal((0, 640, 300), (tile.Top, tile.Width, tile.Height)));
    }

    [Theory]
    [InlineData(4000, 3000, 640, 640, 0.2f)]
    [InlineData(1921, 1081, 320, 640, 0.5f)]
    [InlineData(701, 641, 640, 640, 0)]
    public void Tiles_are_equal_lie_inside_and_leave_no_pixel_out(int width, int height, int tileWidth, int tileHeight, float overlap)
    {
        var tiles = Tiling.Plan(width, height, tileWidth, tileHeight, overlap)[1..];
        var seen = new bool[width * height];
        foreach (var tile in tiles)
        {
            Assert.Equal((tileWidth, tileHeight), (tile.Width, tile.Height));
            Assert.True(tile.Left >= 0 && tile.Top >= 0 && tile.Left + tile.Width <= width && tile.Top + tile.Height <= height);
            for (var y = tile.Top; y < tile.Top + tile.Height; y++)
            {
                seen.AsSpan((y * width) + tile.Left, tile.Width).Fill(true);
            }
        }

        Assert.DoesNotContain(false, seen);
        Assert.Equal(tiles.Length, tiles.Distinct().Count());
    }

    [Theory]
    [InlineData(-0.1f)]
    [InlineData(1)]
    public void Overlap_is_a_share(float overlap) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Tiling.Plan(1000, 1000, 640, 640, overlap));
}
