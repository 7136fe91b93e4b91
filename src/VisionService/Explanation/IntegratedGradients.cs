using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>The gradient on the straight way from black to the picture: shares of the score that add up to its
/// growth.</summary>
/// <remarks>Source: Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", 2017. Midpoint rule, which
/// needs half the points that the ends would.</remarks>
/// <param name="count">Points on the way.</param>
/// <param name="baseline">Where the way begins, the same for all pixels; default black.</param>
internal sealed class IntegratedGradients(
    ModelInput shape, int count = IntegratedGradients.DefaultCount, float baseline = 0) : GradientMean(shape)
{
    /// <summary>Default number of points.</summary>
    public const int DefaultCount = 32;

    public override int Count => count;

    public override void WritePoint(int index, ReadOnlySpan<float> pixels, Span<float> point)
    {
        var share = (index + 0.5f) / count;
        for (var i = 0; i < point.Length; i++)
        {
            point[i] = baseline + ((pixels[i] - baseline) * share);
        }
    }

    /// <summary>[C, H, W]: each value's share of the growth of the score.</summary>
    public float[] Attribution(ReadOnlySpan<float> pixels)
    {
        var attribution = Mean();
        for (var i = 0; i < attribution.Length; i++)
        {
            attribution[i] *= pixels[i] - baseline;
        }

        return attribution;
    }

    /// <summary>[H, W]: the magnitude of a pixel's share, its channels added up.</summary>
    public override HeatMap Combine(ReadOnlySpan<float> pixels)
    {
        var attribution = Attribution(pixels);
        var map = new float[Shape.Area];
        for (var i = 0; i < map.Length; i++)
        {
            var sum = 0.0;
            for (var c = 0; c < Shape.Channels; c++)
            {
                sum += attribution[(c * Shape.Area) + i];
            }

            map[i] = (float)Math.Abs(sum);
        }

        return new HeatMap(Shape.Width, Shape.Height, map);
    }
}
