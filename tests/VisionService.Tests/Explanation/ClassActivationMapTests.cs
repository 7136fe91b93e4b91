using VisionService.Explanation;
using VisionService.Inference;

namespace VisionService.Tests.Explanation;

public class ClassActivationMapTests
{
    private static readonly (string Name, CamMethod Method)[] Methods =
    [
        ("gradcam", CamMethod.GradCam), ("gradcampp", CamMethod.GradCamPlusPlus), ("hirescam", CamMethod.HiResCam),
        ("layercam", CamMethod.LayerCam), ("xgradcam", CamMethod.XGradCam), ("eigencam", CamMethod.EigenCam),
        ("gradcam_elementwise", CamMethod.ElementwiseGradCam), ("eigengradcam", CamMethod.EigenGradCam),
    ];

    public static TheoryData<string, string> NetsAndTaps()
    {
        var data = new TheoryData<string, string>();
        foreach (var net in ReferenceNet.Names)
        {
            foreach (var tap in ReferenceNet.Taps)
            {
                data.Add(net, tap);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(NetsAndTaps))]
    public void Maps_of_every_method_are_those_of_PyTorch_in_double(string name, string tap)
    {
        var net = new ReferenceNet(name);
        for (var item = 0; item < ReferenceNet.Items; item++)
        {
            var (a, shape) = net.Map($"tap_{tap}", item);
            var (g, _) = net.Map($"grad_tap_{tap}", item);
            foreach (var (map, method) in Methods.Where(one => !net.IsIllConditioned(tap, one.Name)))
            {
                var cam = Combine(method, a, g, shape);
                var expected = net.Item($"cam_{tap}_{map}", item);
                var isEigen = method is CamMethod.EigenCam or CamMethod.EigenGradCam;
                var error = isEigen
                    ? Math.Min(Near.RelativeL2(expected, cam.Values), Near.RelativeL2(expected, cam.Values, sign: -1))
                    : Near.RelativeL2(expected, cam.Values);
                Assert.True(error <= 1e-4, $"{map} of item {item} is {error:E2} off.");
            }
        }
    }

    [Fact]
    public void Grad_CAM_by_hand()
    {
        // Mean gradients 1.5 and -1: [1, 2] * 1.5 + [3, 1] * -1.
        var map = ClassActivationMap.Combine(CamMethod.GradCam, [1, 2, 3, 1], [1, 2, -2, 0], 2, 1, 2);
        Assert.Equal([-1.5f, 2], map.Values);
    }

    [Fact]
    public void The_closed_form_is_Grad_CAM_where_the_gradient_is_the_weight_over_the_area()
    {
        var a = Draws.Normal(5 * 12);
        float[] weights = [0.5f, -1, 2, 0, 3];
        var gradients = new float[a.Length];
        for (var i = 0; i < gradients.Length; i++)
        {
            gradients[i] = weights[i / 12];
        }

        var closed = ClassActivationMap.Weighted(a, weights, 5, 3, 4);
        Near.Equal(closed.Values, ClassActivationMap.Combine(CamMethod.GradCam, a, gradients, 5, 3, 4).Values, 1e-6);
    }

    [Fact]
    public void The_order_of_the_channels_does_not_matter()
    {
        var shape = new ModelInput(20, 5, 6);
        var (a, g) = (Draws.Normal(shape.Length, 1), Draws.Normal(shape.Length, 2));
        foreach (var (_, method) in Methods)
        {
            Near.Equal(
                Combine(method, a, g, shape).Values,
                Combine(method, Reversed(a, shape), Reversed(g, shape), shape).Values,
                1e-6);
        }
    }

    [Fact]
    public void EigenCAM_reads_no_gradients_and_the_others_ask_for_them()
    {
        var a = Draws.Normal(12);
        Assert.Equal(12 / 3, ClassActivationMap.Combine(CamMethod.EigenCam, a, default, 3, 2, 2).Values.Length);
        Assert.Throws<ArgumentException>(() => ClassActivationMap.Combine(CamMethod.GradCam, a, default, 3, 2, 2));
    }

    [Fact]
    public void Numbers_that_are_none_do_not_get_out()
    {
        float[] a = [float.NaN, 1, float.PositiveInfinity, 2];
        foreach (var (_, method) in Methods)
        {
            var map = ClassActivationMap.Combine(method, a, [1, float.NaN, 2, 3], 2, 1, 2);
            Assert.All(map.Values, value => Assert.True(float.IsFinite(value)));
        }
    }

    private static HeatMap Combine(CamMethod method, float[] a, float[] g, ModelInput shape) =>
        ClassActivationMap.Combine(method, a, g, shape.Channels, shape.Height, shape.Width);

    private static float[] Reversed(float[] planes, ModelInput shape) =>
        [.. planes.Chunk(shape.Area).Reverse().SelectMany(plane => plane)];
}
