using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>The gradient averaged over noisy copies: what is left is what does not hang on the grain.</summary>
/// <remarks>Source: Smilkov et al., "SmoothGrad", 2017.</remarks>
/// <param name="seed">The same seed gives the same noise, on every machine.</param>
/// <param name="count">Copies.</param>
/// <param name="noise">The noise's standard deviation, as a share of the range of the picture's values. Default 0.15,
/// from the middle of what the paper found good.</param>
internal sealed class SmoothGrad(
    ModelInput shape, ulong seed = 0, int count = SmoothGrad.DefaultCount, double noise = 0.15) : GradientMean(shape)
{
    /// <summary>Default number of copies.</summary>
    public const int DefaultCount = 25;

    public override int Count => count;

    public override void WritePoint(int index, ReadOnlySpan<float> pixels, Span<float> point)
    {
        var (min, max) = (float.PositiveInfinity, float.NegativeInfinity);
        foreach (var value in pixels)
        {
            (min, max) = (Math.Min(min, value), Math.Max(max, value));
        }

        var deviation = (float)(noise * (max - min));
        var random = new SplitMix64(seed, index);
        for (var i = 0; i < point.Length; i++)
        {
            point[i] = pixels[i] + (deviation * random.NextNormal());
        }
    }

    /// <summary>[H, W]: the largest of the channels' magnitudes.</summary>
    public override HeatMap Combine(ReadOnlySpan<float> pixels) => Saliency.Strongest(Shape, Mean());
}
