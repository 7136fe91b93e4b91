using VisionService.Imaging;
using VisionService.Segmentation;

namespace VisionService.Tests.Segmentation;

public sealed class MatteTests
{
    private static readonly Placement Row = new InputGeometry(4, 1, ResizeMode.Stretch).Place(4, 1);

    [Theory]
    [InlineData(nameof(MatteActivation.Detect), 0f, 1f, new byte[] { 0, 64, 191, 255 })] // 1/4, 3/4
    [InlineData(nameof(MatteActivation.MinMax), 5f, 7f, new byte[] { 0, 64, 191, 255 })]
    [InlineData(nameof(MatteActivation.Detect), -50f, 50f, new byte[] { 0, 64, 191, 255 })]
    [InlineData(nameof(MatteActivation.Sigmoid), 0f, 0f, new byte[] { 128, 128, 128, 128 })]
    [InlineData(nameof(MatteActivation.MinMax), 0f, 0f, new byte[] { 0, 0, 0, 0 })] // nothing stands out: as it is
    public void Opacity_is_activated_then_interpolated(string activation, float left, float right, byte[] expected) =>
        Assert.Equal(expected, Matte.Alpha([left, right], 1, 2, Row, Enum.Parse<MatteActivation>(activation)));

    [Fact]
    public void The_foreground_is_what_is_likelier_than_not()
    {
        Assert.Equal([0, 0, 1, 1], Matte.Foreground([0, 1], 1, 2, Row, MatteActivation.Detect).Ids);
        Assert.Equal([0, 0, 0, 1], Matte.Foreground([0, 1], 1, 2, Row, MatteActivation.Detect, minScore: 0.9f).Ids);
    }
}
