namespace VisionService.Explanation;

/// <summary>Class activation maps: the channels of a target layer, summed with weights.</summary>
/// <remarks>Sums run in double precision over the channels in their order. The maps are signed; what a picture shows is
/// <see cref="HeatMap.Normalized"/>.</remarks>
internal static class ClassActivationMap
{
    private const double PlusPlusEpsilon = 1e-6;
    private const double XGradEpsilon = 1e-7;

    /// <summary>Whether <see cref="Combine"/> reads the gradients.</summary>
    public static bool NeedsGradients(CamMethod method) => method != CamMethod.EigenCam;

    /// <summary>The map of a method.</summary>
    /// <param name="activations">A [K, h, w] of the target layer.</param>
    /// <param name="gradients">G [K, h, w] of the explained score there; empty for
    /// <see cref="CamMethod.EigenCam"/>.</param>
    /// <returns>[h, w], signed.</returns>
    /// <exception cref="ArgumentException">A length does not fit the sides.</exception>
    public static HeatMap Combine(
        CamMethod method, ReadOnlySpan<float> activations, ReadOnlySpan<float> gradients, int channels, int height,
        int width)
    {
        var area = Area(activations, channels, height, width);
        if (NeedsGradients(method) && gradients.Length != activations.Length)
        {
            throw new ArgumentException(
                $"{gradients.Length} gradients for {activations.Length} activations.", nameof(gradients));
        }

        if (method is CamMethod.EigenCam or CamMethod.EigenGradCam)
        {
            var factors = method == CamMethod.EigenGradCam ? gradients : default;
            return HeatMap.Of(width, height, PrincipalComponent.Of(activations, factors, area));
        }

        var map = new double[area];
        for (var k = 0; k < channels; k++)
        {
            var a = activations.Slice(k * area, area);
            var g = gradients.Slice(k * area, area);
            switch (method)
            {
                case CamMethod.GradCam:
                    AddWeighted(map, a, Sum(g) / area);
                    break;
                case CamMethod.GradCamPlusPlus:
                    AddWeighted(map, a, PlusPlusWeight(a, g));
                    break;
                case CamMethod.XGradCam:
                    AddWeighted(map, a, XGradWeight(a, g));
                    break;
                default:
                    AddProducts(map, a, g, method);
                    break;
            }
        }

        return HeatMap.Of(width, height, map);
    }

    /// <summary>The closed form: a network that ends in global average pooling and a linear layer has the class's row
    /// of that layer as weights, and needs no gradient (Zhou 2016).</summary>
    /// <param name="activations">A [K, h, w].</param>
    /// <param name="weights">[K].</param>
    public static HeatMap Weighted(
        ReadOnlySpan<float> activations, ReadOnlySpan<float> weights, int channels, int height, int width)
    {
        var area = Area(activations, channels, height, width);
        ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Length, channels);
        var map = new double[area];
        for (var k = 0; k < channels; k++)
        {
            AddWeighted(map, activations.Slice(k * area, area), weights[k]);
        }

        return HeatMap.Of(width, height, map);
    }

    private static int Area(ReadOnlySpan<float> activations, int channels, int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNotEqual(activations.Length, channels * height * width);
        return height * width;
    }

    private static void AddWeighted(Span<double> map, ReadOnlySpan<float> a, double weight)
    {
        for (var i = 0; i < map.Length; i++)
        {
            map[i] += weight * a[i];
        }
    }

    private static void AddProducts(Span<double> map, ReadOnlySpan<float> a, ReadOnlySpan<float> g, CamMethod method)
    {
        for (var i = 0; i < map.Length; i++)
        {
            map[i] += method switch
            {
                CamMethod.HiResCam => (double)g[i] * a[i],
                CamMethod.LayerCam => (double)Math.Max(g[i], 0) * a[i],
                CamMethod.ElementwiseGradCam => Math.Max((double)g[i] * a[i], 0),
                _ => throw new ArgumentOutOfRangeException(nameof(method), method, null),
            };
        }
    }

    private static double PlusPlusWeight(ReadOnlySpan<float> a, ReadOnlySpan<float> g)
    {
        var (sum, weight) = (Sum(a), 0.0);
        foreach (double value in g)
        {
            if (value > 0) // relu: the rest adds nothing
            {
                var squared = value * value;
                weight += value * squared / ((2 * squared) + (sum * squared * value) + PlusPlusEpsilon);
            }
        }

        return weight;
    }

    private static double XGradWeight(ReadOnlySpan<float> a, ReadOnlySpan<float> g)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += (double)g[i] * a[i];
        }

        return sum / (Sum(a) + XGradEpsilon);
    }

    private static double Sum(ReadOnlySpan<float> values)
    {
        var sum = 0.0;
        foreach (var value in values)
        {
            sum += value;
        }

        return sum;
    }
}
