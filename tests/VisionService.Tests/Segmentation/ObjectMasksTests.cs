using VisionService.Imaging;
using VisionService.Segmentation;

namespace VisionService.Tests.Segmentation;

public sealed class ObjectMasksTests
{
    private static readonly Placement Same = new InputGeometry(8, 4, ResizeMode.Stretch).Place(8, 4);

    [Fact]
    public void Logits_are_cut_at_zero()
    {
        // -1 at x = 2, 3 at x = 6: zero at x = 3
        var mask = ObjectMasks.Sample([-1, 3], 1, 2, Same, MaskBox.Of(8, 4), threshold: 0);
        Assert.Equal("...#####", Blobs.Text(mask, 8, 1).TrimEnd());
    }

    [Fact]
    public void A_box_limits_the_raster()
    {
        var mask = ObjectMasks.Sample([1, 1], 1, 2, Same, new(2, 1, 5, 3), threshold: 0.5f);
        Assert.Equal((2, 1, 3, 2, 6), (mask.Left, mask.Top, mask.Width, mask.Height, (int)mask.Area));
    }

    [Fact]
    public void What_a_crop_hid_belongs_to_no_object()
    {
        var placement = new InputGeometry(4, 4, ResizeMode.ShortestCrop).Place(8, 4);
        var mask = ObjectMasks.Sample([1], 1, 1, placement, MaskBox.Of(8, 4), threshold: -1);
        Assert.Equal("..####..", Blobs.Text(mask, 8, 1).TrimEnd());
    }

    [Fact]
    public void A_small_mask_is_stretched_over_its_box()
    {
        // corners 2.9 and 5.2 become 2 and 5, both in: four columns. 0 at 1, 1 at 3 (of 4): half at 2
        var mask = ObjectMasks.Paste([0, 1], 1, 2, new(2.9f, 1, 5.2f, 1.5f), 8, 4);
        Assert.Equal("........\n....##..\n........\n........\n", Blobs.Text(mask, 8, 4));
    }

    [Fact]
    public void A_box_over_the_edge_is_cut_off_not_squeezed()
    {
        // columns -2 to 1, of which 0 and 1 are in the image: the right half
        var mask = ObjectMasks.Paste([0, 1], 1, 2, new(-2, 0, 1, 0), 8, 1);
        Assert.Equal("##......\n", Blobs.Text(mask, 8, 1));
        Assert.Equal(0, ObjectMasks.Paste([1], 1, 1, new(20, 20, 30, 30), 8, 4).Area);
    }
}
