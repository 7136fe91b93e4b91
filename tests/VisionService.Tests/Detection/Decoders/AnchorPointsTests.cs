using VisionService.Detection.Decoders;
using VisionService.Inference;

namespace VisionService.Tests.Detection.Decoders;

public sealed class AnchorPointsTests
{
    [Fact]
    public void Cells_come_row_by_row_and_a_part_of_a_cell_is_one()
    {
        var points = new AnchorPoints(new ModelInput(3, 16, 20), [8, 16], offset: 0.5f);
        Assert.Equal([4, 12, 20, 4, 12, 20, 8, 24], points.X);
        Assert.Equal([4, 4, 4, 12, 12, 12, 8, 8], points.Y);
        Assert.Equal([8, 8, 8, 8, 8, 8, 16, 16], points.Stride);
    }

    [Theory]
    [InlineData(640, 8400, 8, 16, 32)]
    [InlineData(416, 3549, 8, 16, 32)]
    [InlineData(416, 3598, 8, 16, 32, 64)]
    public void The_known_heads_have_their_known_lengths(int side, int count, params int[] strides) =>
        Assert.Equal(count, AnchorPoints.CountIn(new ModelInput(3, side, side), strides));
}
