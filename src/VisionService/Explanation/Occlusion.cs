using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>A patch is laid over each place in turn: what makes the score drop mattered.</summary>
/// <remarks>Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2013.</remarks>
internal sealed class Occlusion : Perturbation<HeatMap>
{
    /// <summary>The default patch grows until there are no more places than this.</summary>
    public const int MaxPatches = 1024;

    private readonly byte[] _fill;
    private readonly int _patch;
    private readonly int[] _tops;
    private readonly int[] _lefts;

    /// <param name="fill">[C]: the patch's colour; see <see cref="MeanColor"/>.</param>
    /// <param name="patch">Side of the patch in pixels of the input.</param>
    /// <param name="stride">From patch to patch.</param>
    /// <param name="coversBorder">Whether a last row and column of patches is added where the stride does not lead to
    /// the border. Default true; without it the pixels there are 0.</param>
    public Occlusion(ModelInput shape, ReadOnlySpan<byte> fill, int patch, int stride, bool coversBorder = true)
        : base(shape)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(fill.Length, shape.Channels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(patch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stride);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(patch, Math.Min(shape.Height, shape.Width));
        (_fill, _patch) = (fill.ToArray(), patch);
        _tops = Places(shape.Height, patch, stride, coversBorder);
        _lefts = Places(shape.Width, patch, stride, coversBorder);
    }

    public override int Count => _tops.Length * _lefts.Length;

    /// <summary>A patch of an eighth of the shorter side in the picture's mean colour, moved by half of itself: 225
    /// places in a square.</summary>
    /// <param name="planes">[C, H, W].</param>
    public static Occlusion Of(ModelInput shape, ReadOnlySpan<byte> planes)
    {
        var side = Math.Min(shape.Height, shape.Width);
        var patch = Math.Max(1, side / 8);
        while (patch < side && Places(shape.Height, patch) * Places(shape.Width, patch) > MaxPatches)
        {
            patch++;
        }

        return new Occlusion(shape, MeanColor.Of(shape, planes), patch, Stride(patch));
    }

    public override void Write(int index, ReadOnlySpan<byte> planes, Span<byte> perturbed)
    {
        Check(index, planes, perturbed);
        planes.CopyTo(perturbed);
        var (top, left) = (_tops[index / _lefts.Length], _lefts[index % _lefts.Length]);
        for (var c = 0; c < Shape.Channels; c++)
        {
            for (var y = top; y < top + _patch; y++)
            {
                perturbed.Slice((c * Shape.Area) + (y * Shape.Width) + left, _patch).Fill(_fill[c]);
            }
        }
    }

    /// <summary>[H, W]: for each pixel the mean drop of the score under the patches that cover it.</summary>
    public override HeatMap Combine(float baseScore, ReadOnlySpan<float> scores)
    {
        Check(scores);
        var sums = new double[Shape.Area];
        var counts = new int[Shape.Area];
        for (var index = 0; index < scores.Length; index++)
        {
            var drop = (double)baseScore - scores[index];
            var (top, left) = (_tops[index / _lefts.Length], _lefts[index % _lefts.Length]);
            for (var y = top; y < top + _patch; y++)
            {
                for (var at = (y * Shape.Width) + left; at < (y * Shape.Width) + left + _patch; at++)
                {
                    sums[at] += drop;
                    counts[at]++;
                }
            }
        }

        for (var at = 0; at < sums.Length; at++)
        {
            sums[at] /= Math.Max(counts[at], 1);
        }

        return HeatMap.Of(Shape.Width, Shape.Height, sums);
    }

    private static int Stride(int patch) => Math.Max(1, patch / 2);

    private static int Places(int side, int patch) => Places(side, patch, Stride(patch), coversBorder: true).Length;

    private static int[] Places(int side, int patch, int stride, bool coversBorder)
    {
        var last = side - patch;
        var places = Enumerable.Range(0, (last / stride) + 1).Select(i => i * stride);
        return coversBorder && last % stride != 0 ? [.. places, last] : [.. places];
    }
}
