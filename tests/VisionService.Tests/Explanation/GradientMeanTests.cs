using VisionService.Explanation;
using VisionService.Inference;

namespace VisionService.Tests.Explanation;

public class GradientMeanTests
{
    private static readonly ModelInput Shape = new(3, 4, 5);

    public static TheoryData<string> Nets => [.. ReferenceNet.Names];

    [Theory]
    [MemberData(nameof(Nets))]
    public void Saliency_is_the_reference(string name)
    {
        var net = new ReferenceNet(name);
        for (var item = 0; item < ReferenceNet.Items; item++)
        {
            var saliency = new Saliency(net.Input);
            saliency.Add(0, net.Item("grad_input", item));
            Near.Equal(net.Item("saliency", item), saliency.Combine(net.Item("x", item)).Values, 1e-6);
        }
    }

    [Fact]
    public void Gradients_in_any_order_give_the_same_bits()
    {
        var gradients = Enumerable.Range(0, 25).Select(index => Draws.Normal(Shape.Length, index)).ToArray();
        var (inOrder, shuffled) = (new SmoothGrad(Shape), new SmoothGrad(Shape));
        for (var index = 0; index < 25; index++)
        {
            inOrder.Add(index, gradients[index]);
            shuffled.Add(index * 7 % 25, gradients[index * 7 % 25]);
        }

        Assert.Equal(inOrder.Mean(), shuffled.Mean());
    }

    [Fact]
    public void A_gradient_comes_once_and_none_may_be_missing()
    {
        var mean = new SmoothGrad(Shape, count: 3);
        var gradient = new float[Shape.Length];
        mean.Add(0, gradient);
        mean.Add(2, gradient);
        Assert.Throws<ArgumentOutOfRangeException>(() => mean.Add(0, gradient));
        Assert.Throws<ArgumentOutOfRangeException>(() => mean.Add(2, gradient));
        Assert.Throws<ArgumentOutOfRangeException>(() => mean.Add(3, gradient));
        Assert.Throws<InvalidOperationException>(() => mean.Combine(gradient));
        mean.Add(1, gradient);
        Assert.Equal(gradient, mean.Mean());
    }

    [Fact]
    public void Integrated_gradients_add_up_to_the_growth_of_the_score()
    {
        // score = sum of x^2 / 2, gradient x: the midpoint rule is exact, and x^2 / 2 of each pixel its share.
        var pixels = Array.ConvertAll(Draws.Bytes(Shape.Length), value => (float)value);
        var integrated = new IntegratedGradients(Shape);
        Assert.Equal(32, integrated.Count);
        var point = new float[Shape.Length];
        for (var index = 0; index < integrated.Count; index++)
        {
            integrated.WritePoint(index, pixels, point);
            Assert.Equal(pixels[3] * (index + 0.5f) / 32, point[3], 1e-3f);
            integrated.Add(index, point);
        }

        Near.Equal(Array.ConvertAll(pixels, x => x * x / 2), integrated.Attribution(pixels), 1e-6);
        var expected = (pixels[7] * pixels[7] / 2) + (pixels[27] * pixels[27] / 2) + (pixels[47] * pixels[47] / 2);
        Assert.Equal(expected, integrated.Combine(pixels).Values[7], expected * 1e-5f);
    }

    [Fact]
    public void A_pixel_whose_channels_cancel_out_is_cold_to_integrated_gradients_and_hot_to_saliency()
    {
        var shape = new ModelInput(2, 1, 1);
        var (integrated, saliency) = (new IntegratedGradients(shape, count: 1), new Saliency(shape));
        integrated.Add(0, [3, -3]);
        saliency.Add(0, [3, -3]);
        Assert.Equal([0f], integrated.Combine([10, 10]).Values);
        Assert.Equal([3f], saliency.Combine([10, 10]).Values);
    }

    [Fact]
    public void SmoothGrads_noise_has_a_seventh_of_the_pictures_range_and_its_copies_differ()
    {
        var shape = new ModelInput(1, 200, 200);
        var pixels = new float[shape.Length];
        pixels[0] = 200;
        var smooth = new SmoothGrad(shape);
        var (first, again, other) = (new float[shape.Length], new float[shape.Length], new float[shape.Length]);
        smooth.WritePoint(4, pixels, first);
        smooth.WritePoint(4, pixels, again);
        smooth.WritePoint(5, pixels, other);
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
        Assert.Equal(30, Math.Sqrt(first[1..].Average(value => (double)value * value)), 0.5); // 15 % of 200
    }

    [Fact]
    public void Numbers_that_are_none_count_as_0()
    {
        var saliency = new Saliency(new ModelInput(1, 1, 2));
        saliency.Add(0, [float.NaN, -2]);
        Assert.Equal([0, 2], saliency.Combine([1, 1]).Values);
    }
}
