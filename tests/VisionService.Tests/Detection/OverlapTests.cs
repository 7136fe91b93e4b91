using System.Runtime.Intrinsics;
using VisionService.Detection;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Detection;

public sealed class OverlapTests
{
    private static readonly Box A = new(0, 0, 4, 2);
    private static readonly Box B = new(2, 1, 6, 3);

    [Fact]
    public void Two_boxes_by_hand()
    {
        // Areas 8 and 8, shared 2 x 1 = 2, union 14; centres (2, 1) and (4, 2), 5 apart squared; box around both 6 x
        // 3, diagonal squared 45.
        Assert.Equal(2f / 14, IoU.Of(A, B), 1e-6f);
        Assert.Equal(2f / 8, IntersectionOverSmaller.Of(A, B), 1e-6f);
        Assert.Equal((2f / 14) - (5f / 45), DistanceIoU.Of(A, B), 1e-6f);
    }

    [Fact]
    public void A_box_within_another_is_all_of_the_smaller() =>
        Assert.Equal(1, IntersectionOverSmaller.Of(A, new Box(1, 0, 2, 1)));

    [Fact]
    public void Boxes_that_only_touch_share_nothing() => Assert.Equal(0, IoU.Of(A, new Box(4, 0, 5, 2)));

    [Fact]
    public void Eight_at_once_are_the_same_bits_as_one_by_one()
    {
        Compare<IoU>();
        Compare<DistanceIoU>();
        Compare<IntersectionOverSmaller>();
    }

    [Fact]
    public void IoU_and_its_distance_form_equal_the_references()
    {
        var (a, b) = (Read("a"), Read("b"));
        var iou = SharedFiles.Reference("boxes/iou").F32;
        var diou = SharedFiles.Reference("boxes/diou").F32;
        for (var i = 0; i < a.Length; i++)
        {
            for (var j = 0; j < b.Length; j++)
            {
                Assert.Equal(iou[(i * b.Length) + j], IoU.Of(a[i], b[j]), 1e-5f);
                Assert.Equal(diou[(i * b.Length) + j], DistanceIoU.Of(a[i], b[j]), 1e-5f);
            }
        }
    }

    private static Box[] Read(string name) =>
    [
        .. SharedFiles.Reference($"boxes/{name}").F32.ToArray().Chunk(4)
            .Select(static at => new Box(at[0], at[1], at[2], at[3])),
    ];

    private static void Compare<TOverlap>()
        where TOverlap : IOverlap
    {
        var random = new Random(3);
        for (var round = 0; round < 500; round++)
        {
            var one = RandomBox(random);
            var eight = Enumerable.Range(0, Boxes.Count).Select(_ => RandomBox(random)).ToArray();
            var boxes = new Boxes(
                Vector256.Create(Array.ConvertAll(eight, static box => box.XMin)),
                Vector256.Create(Array.ConvertAll(eight, static box => box.YMin)),
                Vector256.Create(Array.ConvertAll(eight, static box => box.XMax)),
                Vector256.Create(Array.ConvertAll(eight, static box => box.YMax)));
            var together = TOverlap.Of(boxes, Boxes.Repeat(one));
            for (var i = 0; i < eight.Length; i++)
            {
                Assert.Equal(
                    BitConverter.SingleToInt32Bits(TOverlap.Of(eight[i], one)), BitConverter.SingleToInt32Bits(together[i]));
            }
        }
    }

    private static Box RandomBox(Random random)
    {
        var (x, y) = (random.NextSingle() * 100, random.NextSingle() * 100);
        return new Box(x, y, x + (random.NextSingle() * 60), y + (random.NextSingle() * 60));
    }
}
