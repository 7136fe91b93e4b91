using VisionService.Imaging;
using VisionService.Segmentation;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Segmentation;

public sealed class PrototypeMasksTests
{
    private static readonly Placement Placement = new InputGeometry(160, 160, ResizeMode.Stretch).Place(160, 160);

    [Fact]
    public void Inside_the_box_the_mask_is_Ultralytics()
    {
        var boxes = SharedFiles.Reference("mask/yolo_boxes");
        var coefficients = SharedFiles.Reference("mask/yolo_coeffs");
        var expected = SharedFiles.Reference("mask/yolo_masks");
        var prototypes = SharedFiles.Reference("mask/yolo_protos");
        var masks = new PrototypeMasks(prototypes.F32, 40, 40, Placement, PrototypeCrop.Cells);
        var wrong = 0;
        for (var i = 0; i < 5; i++)
        {
            var corners = boxes.F32.Slice(i * 4, 4);
            var box = new MaskBox(corners[0], corners[1], corners[2], corners[3]);
            var mask = masks.Mix(coefficients.F32.Slice(i * 32, 32), box);
            for (var pixel = 0; pixel < 160 * 160; pixel++)
            {
                var (x, y) = ((pixel % 160) - mask.Left, (pixel / 160) - mask.Top);
                var isInside = x >= 0 && y >= 0 && x < mask.Width && y < mask.Height;
                var isSet = expected.Bool[(i * 160 * 160) + pixel];
                wrong += isInside && mask[x, y] != isSet ? 1 : 0;
                Assert.True(isInside || !isSet || (x >= -4 && y >= -4 && x < mask.Width + 4 && y < mask.Height + 4));
            }
        }

        // The reference crops by cells of four pixels and may leave the box by one; ours never does.
        Assert.InRange(wrong, 0, 5 * 160 * 160 * 8.6e-5); // its share of pixels within rounding of the threshold
    }

    [Fact]
    public void A_mask_is_the_mixture_of_the_prototypes()
    {
        // two prototypes: left half, right half; 2 * left - 1 * right
        var placement = new InputGeometry(8, 8, ResizeMode.Stretch).Place(8, 8);
        var masks = new PrototypeMasks([1, 0, 0, 1], 1, 2, placement);
        var mask = masks.Mix([2, -1], MaskBox.Of(8, 8));
        // 2 at x = 2, -1 at x = 6: zero at 4.67, so the centres 0.5 ... 4.5 are above
        Assert.Equal("#####...", Blobs.Text(mask, 8, 1).TrimEnd());
    }

    [Fact]
    public void A_mask_never_leaves_its_box()
    {
        var ones = Enumerable.Repeat(10f, 16).ToArray();
        var placement = new InputGeometry(16, 16, ResizeMode.Letterbox).Place(32, 20);
        foreach (var crop in Enum.GetValues<PrototypeCrop>())
        {
            var mask = new PrototypeMasks(ones, 4, 4, placement, crop).Mix([1], new(3.2f, 4.6f, 20.4f, 50));
            // centres 3.5 to 19.5 and 5.5 (4.5 lies above the box) to the image's end
            Assert.Equal((3, 5, 17, 15), (mask.Left, mask.Top, mask.Width, mask.Height));
        }
    }

    [Fact]
    public void Where_all_is_object_the_mask_fills_its_box()
    {
        var ones = Enumerable.Repeat(10f, 16).ToArray();
        var mask = new PrototypeMasks(ones, 4, 4, Placement).Mix([1], new(30, 30, 90, 90));
        Assert.Equal(60 * 60, mask.Area);
    }

    [Fact]
    public void A_box_beside_the_picture_has_no_pixels()
    {
        var mask = new PrototypeMasks(new float[16], 4, 4, Placement).Mix([1], new(-20, -20, -3, 500));
        Assert.Equal(0, mask.Area);
    }
}
