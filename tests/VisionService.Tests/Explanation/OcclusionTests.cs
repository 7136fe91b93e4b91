using VisionService.Explanation;
using VisionService.Inference;

namespace VisionService.Tests.Explanation;

public class OcclusionTests
{
    [Theory]
    [InlineData("vgg")]
    [InlineData("resnet_v1")]
    public void The_map_is_the_reference(string name)
    {
        var net = new ReferenceNet(name);
        var occlusion = new Occlusion(net.Input, new byte[3], patch: 12, stride: 6, coversBorder: false);
        for (var item = 0; item < ReferenceNet.Items; item++)
        {
            var drops = net.Item("occlusion_drops", item);
            Assert.Equal(drops.Length, occlusion.Count);
            var map = occlusion.Combine(2, Array.ConvertAll(drops, drop => 2 - drop));
            Near.Equal(net.Item("occlusion_map", item), map.Values, 1e-5);
        }
    }

    [Fact]
    public void A_copy_differs_under_its_patch_only()
    {
        var shape = new ModelInput(2, 5, 6);
        var planes = Draws.Bytes(shape.Length);
        var occlusion = new Occlusion(shape, [10, 20], patch: 2, stride: 2);
        Assert.Equal(3 * 3, occlusion.Count); // rows 0, 2 and the last, 3; columns 0, 2, 4
        var copy = new byte[shape.Length];

        occlusion.Write(8, planes, copy);

        for (var i = 0; i < copy.Length; i++)
        {
            var (c, y, x) = (i / 30, i / 6 % 5, i % 6);
            Assert.Equal(y >= 3 && x >= 4 ? (c + 1) * 10 : planes[i], copy[i]);
        }
    }

    [Theory]
    [InlineData(224, 224, 225)]
    [InlineData(640, 640, 225)]
    [InlineData(64, 96, 15 * 23)]
    [InlineData(64, 4096, 0)]
    [InlineData(3, 3, 9)]
    public void The_default_covers_every_pixel_with_a_bounded_number_of_patches(int height, int width, int count)
    {
        var shape = new ModelInput(1, height, width);
        var occlusion = Occlusion.Of(shape, new byte[shape.Length]);
        Assert.InRange(occlusion.Count, 1, Occlusion.MaxPatches);
        Assert.True(count == 0 || count == occlusion.Count, $"{occlusion.Count} patches.");
        Assert.All(occlusion.Combine(1, new float[occlusion.Count]).Values, value => Assert.Equal(1, value));
    }

    [Fact]
    public void The_default_patch_has_the_mean_colour()
    {
        var (planes, copy) = (new byte[64], new byte[64]);
        planes.AsSpan(0, 32).Fill(100);
        planes.AsSpan(32).Fill(201);
        Occlusion.Of(new ModelInput(1, 8, 8), planes).Write(0, planes, copy);
        Assert.Equal(151, copy[0]); // of 150.5
    }
}
