using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>The gradient at the input itself: where a small change moves the score most.</summary>
/// <remarks>Source: Simonyan, Vedaldi, Zisserman, "Deep inside convolutional networks", 2013.</remarks>
internal sealed class Saliency(ModelInput shape) : GradientMean(shape)
{
    public override int Count => 1;

    public override void WritePoint(int index, ReadOnlySpan<float> pixels, Span<float> point) => pixels.CopyTo(point);

    /// <summary>[H, W]: the largest of the channels' magnitudes.</summary>
    public override HeatMap Combine(ReadOnlySpan<float> pixels) => Strongest(Shape, Mean());

    /// <summary>[H, W]: for each pixel the magnitude of the gradient in the channel where it is largest; for guided
    /// backprop, too.</summary>
    /// <param name="gradient">[C, H, W].</param>
    public static HeatMap Strongest(ModelInput shape, ReadOnlySpan<float> gradient)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(gradient.Length, shape.Length);
        var map = new float[shape.Area];
        for (var start = 0; start < gradient.Length; start += shape.Area)
        {
            var plane = gradient.Slice(start, shape.Area);
            for (var i = 0; i < map.Length; i++)
            {
                map[i] = float.IsFinite(plane[i]) ? Math.Max(map[i], Math.Abs(plane[i])) : map[i];
            }
        }

        return new HeatMap(shape.Width, shape.Height, map);
    }
}
