using System.Security.Cryptography;
using VisionService.Explanation;
using VisionService.Inference;

namespace VisionService.Tests.Explanation;

public class RiseTests
{
    private static readonly ModelInput Shape = new(3, 60, 44);

    [Theory]
    [InlineData("vgg")]
    [InlineData("resnet_v1")]
    public void The_map_of_stored_masks_is_the_reference(string name)
    {
        var net = new ReferenceNet(name);
        var masks = net.Array("rise_masks");
        var rise = new StoredMasks(net.Input, masks.F32.ToArray(), masks.Shape[0]);
        for (var item = 0; item < ReferenceNet.Items; item++)
        {
            Near.Equal(net.Item("rise_map", item), rise.Combine(0, net.Item("rise_scores", item)).Values, 1e-5);
        }
    }

    [Fact]
    public void On_average_a_mask_shows_its_share_everywhere()
    {
        var rise = new Rise(Shape, new byte[3], share: 0.3);
        Assert.Equal(512, rise.Count);
        var ones = Enumerable.Repeat(1f, rise.Count).ToArray();
        var map = rise.Combine(0, ones).Values; // the mean mask over the share
        Assert.Equal(1, map.Average(), 0.03f);
        Assert.All(map, value => Assert.InRange(value, 0.75f, 1.25f)); // four deviations of .3 * .7 / 512
    }

    [Fact]
    public void A_score_that_is_none_costs_its_mask_and_no_more()
    {
        var rise = new Rise(Shape, new byte[3], count: 2);
        Assert.Equal(rise.Combine(0, [1, 0]).Values, rise.Combine(0, [1, float.NaN]).Values);
    }

    [Fact]
    public void Masks_lie_in_0_to_1_and_are_not_alike()
    {
        var rise = new Rise(Shape, new byte[3], count: 20);
        var masks = Enumerable.Range(0, 20).Select(index => Mask(rise, index)).ToArray();
        Assert.All(masks.SelectMany(mask => mask), value => Assert.InRange(value, 0, 1));
        Assert.Equal(20, masks.Select(mask => string.Join(' ', mask)).Distinct().Count());
    }

    [Fact]
    public void A_copy_is_the_picture_where_the_mask_is_1_and_the_colour_where_it_is_0()
    {
        var rise = new Rise(Shape, [10, 20, 30], count: 1);
        var planes = Draws.Bytes(Shape.Length);
        var (mask, copy) = (Mask(rise, 0), new byte[Shape.Length]);
        rise.Write(0, planes, copy);
        for (var i = 0; i < copy.Length; i++)
        {
            var (fill, weight) = (10 * (1 + (i / Shape.Area)), mask[i % Shape.Area]);
            Assert.Equal((planes[i] * weight) + (fill * (1 - weight)), copy[i], 0.51);
        }
    }

    [Fact]
    public void The_bytes_are_those_of_every_other_day_and_machine()
    {
        var copy = new byte[Shape.Length];
        new Rise(Shape, new byte[3], seed: 5).Write(7, Draws.Bytes(Shape.Length), copy);
        Assert.Equal("939EB552F87E8156", Convert.ToHexString(SHA256.HashData(copy))[..16]);
    }

    [Fact]
    public void The_map_is_hottest_where_the_score_comes_from()
    {
        var shape = new ModelInput(1, 56, 56);
        var rise = new Rise(shape, [0]);
        var white = Enumerable.Repeat((byte)255, shape.Length).ToArray();
        var copy = new byte[shape.Length];
        var scores = new float[rise.Count];
        for (var index = 0; index < scores.Length; index++)
        {
            rise.Write(index, white, copy);
            scores[index] = copy[(16 * 56) + 40]; // the score hangs on one pixel
        }

        var map = rise.Combine(255, scores).Values;
        var hottest = Array.IndexOf(map, map.Max());
        Assert.InRange(hottest / 56, 11, 21);
        Assert.InRange(hottest % 56, 35, 45);
    }

    private static float[] Mask(Rise rise, int index)
    {
        var mask = new float[rise.Shape.Area];
        rise.Mask(index, mask);
        return mask;
    }

    private sealed class StoredMasks(ModelInput shape, float[] masks, int count) : SoftMasks(shape, new byte[3])
    {
        public override int Count => count;

        public override void Mask(int index, Span<float> mask) =>
            masks.AsSpan(index * Shape.Area, Shape.Area).CopyTo(mask);

        public override HeatMap Combine(float baseScore, ReadOnlySpan<float> scores) =>
            WeightedSum(scores, count * 0.5);
    }
}
