using VisionService.Repository;
using VisionService.Repository.SideFiles;

namespace VisionService.Tests.Repository.SideFiles;

public class PixelStepsTests
{
    [Fact]
    public void Steps_in_any_order_are_one_formula()
    {
        // ((x / 255 - .5) / .25 + 1) * 4 - 3, then / 2
        var steps = PixelSteps.None.Times(1.0 / 255).Normalize([0.5], [0.25]).Plus(1).Times(4).Normalize([3], [2]);
        Seen.Is(steps.Over(Manifest.Empty.Input), x => ((((((x / 255) - 0.5) / 0.25) + 1) * 4) - 3) / 2);
    }

    [Fact]
    public void Each_channel_keeps_its_own()
    {
        var input = PixelSteps.None.Normalize([10, 20, 30], [2]).Normalize([1], [1, 2, 4]).Over(Manifest.Empty.Input);
        Seen.Is(input, x => ((x - 10) / 2) - 1, channel: 0);
        Seen.Is(input, x => (((x - 20) / 2) - 1) / 2, channel: 1);
        Seen.Is(input, x => (((x - 30) / 2) - 1) / 4, channel: 2);
    }

    [Fact]
    public void What_changes_nothing_leaves_no_lists()
    {
        var steps = PixelSteps.None.Times(0.5).Normalize([0, 0, 0], [1, 1, 1]);
        Assert.Equal((0.5, 0, 0), (steps.Scale, steps.Mean.Count, steps.Std.Count));
    }
}
