using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>Each channel of a layer as a mask: a channel weighs what the network scores when it sees only where the
/// channel is active.</summary>
/// <remarks>Source: Wang et al., "Score-CAM", 2020.</remarks>
internal sealed class ScoreCam : SoftMasks
{
    /// <summary>Default limit on the channels that are asked about; the others weigh nothing.</summary>
    public const int DefaultMaxChannels = 256;

    private readonly float[] _maps; // of the chosen channels
    private readonly int _height;
    private readonly int _width;

    /// <param name="fill">[C]: what hides; see <see cref="MeanColor"/>.</param>
    /// <param name="activations">[K, h, w] of the layer for the unchanged input; copied.</param>
    /// <param name="maxChannels">Of more channels those with the largest sum of squares are taken, of equal ones the
    /// first.</param>
    public ScoreCam(
        ModelInput shape, ReadOnlySpan<byte> fill, ReadOnlySpan<float> activations, int channels, int height, int width,
        int maxChannels = DefaultMaxChannels)
        : base(shape, fill)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(activations.Length, channels * height * width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxChannels);
        (_height, _width) = (height, width);
        Channels = Strongest(activations, channels, maxChannels);
        _maps = new float[Channels.Length * height * width];
        for (var i = 0; i < Channels.Length; i++)
        {
            activations.Slice(Channels[i] * height * width, height * width).CopyTo(Map(i));
        }
    }

    public override int Count => Channels.Length;

    /// <summary>The channels asked about, ascending; copy i shows where channel <c>Channels[i]</c> is active.</summary>
    public int[] Channels { get; }

    /// <summary>The channel enlarged, corner on corner, and stretched from 0 to 1. A flat channel hides all.</summary>
    public override void Mask(int index, Span<float> mask)
    {
        var columns = LinearAxis.Corners(_width, Shape.Width);
        var rows = LinearAxis.Corners(_height, Shape.Height);
        new BilinearMap(Map(index), columns, rows).Write(mask);
        var (min, max) = (float.PositiveInfinity, float.NegativeInfinity);
        foreach (var value in mask)
        {
            (min, max) = (Math.Min(min, value), Math.Max(max, value));
        }

        var range = max - min;
        for (var i = 0; i < mask.Length; i++)
        {
            mask[i] = range > 0 && float.IsFinite(range) ? (mask[i] - min) / range : 0;
        }
    }

    /// <summary>[h, w]: <c>sum of softmax(scores) * channel</c>, signed.</summary>
    public override HeatMap Combine(float baseScore, ReadOnlySpan<float> scores)
    {
        Check(scores);
        var max = float.NegativeInfinity;
        foreach (var score in scores)
        {
            max = float.IsFinite(score) ? Math.Max(max, score) : max;
        }

        var weights = new float[Count];
        var sum = 0.0;
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = float.IsFinite(scores[i]) ? (float)Math.Exp((double)scores[i] - max) : 0;
            sum += weights[i];
        }

        for (var i = 0; i < weights.Length && sum > 0; i++)
        {
            weights[i] = (float)(weights[i] / sum);
        }

        return ClassActivationMap.Weighted(_maps, weights, Count, _height, _width);
    }

    private Span<float> Map(int index) => _maps.AsSpan(index * _height * _width, _height * _width);

    private static int[] Strongest(ReadOnlySpan<float> activations, int channels, int maxChannels)
    {
        var area = activations.Length / channels;
        var energies = new double[channels];
        for (var k = 0; k < channels; k++)
        {
            foreach (double value in activations.Slice(k * area, area))
            {
                energies[k] += value * value;
            }
        }

        return [.. Enumerable.Range(0, channels).OrderByDescending(k => energies[k]).Take(maxChannels).Order()];
    }
}
