using Microsoft.ML.OnnxRuntime;
using VisionService.Explanation;
using VisionService.Inference;

namespace VisionService.Tests.Explanation;

public class ScoreCamTests
{
    private static readonly ModelInput Shape = new(1, 3, 3);

    [Theory]
    [InlineData("vgg")]
    [InlineData("resnet_v1")]
    public void The_map_of_stored_scores_is_the_reference(string name)
    {
        var net = new ReferenceNet(name);
        for (var item = 0; item < ReferenceNet.Items; item++)
        {
            var map = Of(net, item).Combine(0, net.Item("scorecam_scores", item));
            Near.Equal(net.Item("scorecam_feat", item), map.Values);
            Near.Equal(net.Item("scorecam_feat_norm", item), map.Normalized().Values);
        }
    }

    [Theory]
    [InlineData("vgg")]
    [InlineData("resnet_v1")]
    public void The_network_scores_what_the_masks_show_as_in_the_reference(string name)
    {
        var net = new ReferenceNet(name);
        using var session = new InferenceSession(net.Model);
        using var options = new RunOptions();
        var shape = net.Input;
        for (var item = 0; item < ReferenceNet.Items; item++)
        {
            var (cam, x) = (Of(net, item), net.Item("x", item));
            var masked = new float[cam.Count * shape.Length];
            var mask = new float[shape.Area];
            for (var index = 0; index < cam.Count; index++)
            {
                cam.Mask(index, mask);
                for (var i = 0; i < shape.Length; i++)
                {
                    masked[(index * shape.Length) + i] = x[i] * mask[i % shape.Area];
                }
            }

            using var input = OrtValue.CreateTensorValueFromMemory(
                masked, [cam.Count, shape.Channels, shape.Height, shape.Width]);
            using var outputs = session.Run(options, ["input"], [input], ["logits"]);
            var logits = outputs[0].GetTensorDataAsSpan<float>();
            var scores = new float[cam.Count];
            for (var index = 0; index < scores.Length; index++)
            {
                scores[index] = logits[(index * (logits.Length / scores.Length)) + net.Target(item)];
            }

            Near.Equal(net.Item("scorecam_scores", item), scores, 1e-5);
        }
    }

    [Fact]
    public void Masks_run_from_0_to_1_with_the_channels_corners_on_the_pictures()
    {
        var cam = new ScoreCam(Shape, [0], [2, 4, 2, 4], 1, 2, 2);
        var mask = new float[9];
        cam.Mask(0, mask);
        Assert.Equal([0, 0.5f, 1, 0, 0.5f, 1, 0, 0.5f, 1], mask);
    }

    [Fact]
    public void A_flat_channel_and_one_without_numbers_hide_all()
    {
        var cam = new ScoreCam(Shape, [7], [3, 3, 3, 3, float.NaN, 1, 1, 2], 2, 2, 2);
        var copy = new byte[9];
        for (var index = 0; index < 2; index++)
        {
            cam.Write(index, [1, 2, 3, 4, 5, 6, 7, 8, 9], copy);
            Assert.Equal(Enumerable.Repeat((byte)7, 9), copy);
        }
    }

    [Fact]
    public void Of_many_channels_the_strongest_are_asked_about()
    {
        var cam = new ScoreCam(Shape, [0], [1, 0, -9, 0, 0, 2, 3, 0, 3, 0], 5, 1, 2, maxChannels: 3);
        Assert.Equal([1, 3, 4], cam.Channels);
        // Equal scores: a third of -9, 3 and 3.
        Assert.Equal([-1, 0], cam.Combine(0, [5, 5, 5]).Values);
    }

    [Fact]
    public void Large_scores_and_missing_ones_give_numbers()
    {
        var cam = new ScoreCam(Shape, [0], [1, 0, 2, 0], 2, 1, 2);
        Assert.Equal([2, 0], cam.Combine(0, [-5000, 5000]).Values);
        Assert.Equal([1, 0], cam.Combine(0, [1, float.NaN]).Values);
        Assert.Equal([0, 0], cam.Combine(0, [float.NaN, float.NaN]).Values);
    }

    private static ScoreCam Of(ReferenceNet net, int item)
    {
        var (a, shape) = net.Map("tap_feat", item);
        return new ScoreCam(net.Input, new byte[3], a, shape.Channels, shape.Height, shape.Width);
    }
}
