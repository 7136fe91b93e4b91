using VisionService.Explanation;
using VisionService.Inference;

namespace VisionService.Tests.Explanation;

public class LayerGridTests
{
    private static readonly ModelInput Square = new(3, 224, 224);
    private static readonly ModelInput Wide = new(3, 96, 160);

    [Theory]
    [InlineData(new long[] { 1, 1280, 7, 7 }, "Planar 1280 x 7 x 7")]
    [InlineData(new long[] { 1, 512, 14, 14 }, "Planar 512 x 14 x 14")]
    [InlineData(new long[] { 1, 7, 7, 768 }, "Interleaved 768 x 7 x 7")]
    [InlineData(new long[] { 1, 197, 192 }, "Tokens 192 x 14 x 14, 1 in front")]
    [InlineData(new long[] { 1, 196, 192 }, "Tokens 192 x 14 x 14")]
    [InlineData(new long[] { 1, 49, 768 }, "Tokens 768 x 7 x 7")]
    [InlineData(new long[] { 1, 1280, 1, 1 }, null)] // averaged
    [InlineData(new long[] { 1, 1000 }, null)]
    [InlineData(new long[] { 1, 512, 2, 2 }, null)] // too coarse
    [InlineData(new long[] { 1, 512, 14, 7 }, null)] // of another aspect
    public void Shapes_of_a_square_input_lie_over_it_or_do_not(long[] shape, string? grid) => Assert.Equal(grid, Describe(shape, Square));

    [Theory]
    [InlineData(new long[] { 1, 8, 12, 20 }, "Planar 8 x 12 x 20")]
    [InlineData(new long[] { 1, 8, 20, 12 }, null)]
    [InlineData(new long[] { 1, 61, 8 }, "Tokens 8 x 6 x 10, 1 in front")]
    public void Rows_and_columns_are_not_swapped(long[] shape, string? grid) => Assert.Equal(grid, Describe(shape, Wide));

    [Fact]
    public void Planes_stay_as_they_are()
    {
        float[] values = [.. Enumerable.Range(0, 2 * 49).Select(i => (float)i)];
        Assert.Equal(values, LayerGrid.Of([1, 2, 7, 7], Square)!.ToPlanes(values));
    }

    [Fact]
    public void Interleaved_cells_become_planes()
    {
        float[] values = [.. Enumerable.Range(0, 2 * 49).Select(i => (float)i)];
        var planes = LayerGrid.Of([1, 7, 7, 2], Square)!.ToPlanes(values);
        Assert.Equal([0, 2, 4], planes[..3]);
        Assert.Equal([1, 3, 5], planes[49..52]);
    }

    [Fact]
    public void Tokens_in_front_are_left_out()
    {
        float[] values = [.. Enumerable.Range(0, 2 * 197).Select(i => (float)i)];
        var planes = LayerGrid.Of([1, 197, 2], Square)!.ToPlanes(values);
        Assert.Equal(2 * 196, planes.Length);
        Assert.Equal([2, 4], planes[..2]);
        Assert.Equal([3, 5], planes[196..198]);
    }

    private static string? Describe(long[] shape, ModelInput input) => LayerGrid.Of(shape, input) is { } grid
        ? $"{grid.Layout} {grid.Channels} x {grid.Height} x {grid.Width}{(grid.ExtraTokens > 0 ? $", {grid.ExtraTokens} in front" : "")}"
        : null;
}
