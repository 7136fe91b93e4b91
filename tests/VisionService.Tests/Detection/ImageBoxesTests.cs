using VisionService.Detection;

namespace VisionService.Tests.Detection;

public sealed class ImageBoxesTests
{
    [Fact]
    public void Undoing_a_letterbox_moves_boxes_and_key_points()
    {
        // 1280 x 720 in 640 x 640: half size, 140 rows of padding above.
        using var candidates = Candidates.Rent(new ScoreFilter(0), keyPointCount: 1);
        candidates.Add(new Box(10, 150, 110, 200), 0, 0.5f, 0)[0] = new KeyPoint(20, 160, 0.5f);
        candidates.Map(2, 2, 0, -280);
        var only = Assert.Single(candidates.ToObjects());
        Assert.Equal(new Box(20, 20, 220, 120), only.Box);
        Assert.Equal(new KeyPoint(40, 40, 0.5f), Assert.Single(only.KeyPoints));
    }

    [Fact]
    public void Boxes_end_at_the_image_and_those_outside_are_gone()
    {
        using var candidates = Candidates.Rent(new ScoreFilter(0));
        candidates.Add(new Box(-20, 10, -1, 20), 0, 0.9f, 0);
        candidates.Add(new Box(-5, -5, 50, 200), 0, 0.8f, 1);
        candidates.Clip(100, 100);
        Assert.Equal(new Box(0, 0, 50, 100), Assert.Single(candidates.ToObjects()).Box);
    }
}
