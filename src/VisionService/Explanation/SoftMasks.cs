using System.Buffers;
using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>Copies that fade, by a mask each, from the picture (1) into a colour (0).</summary>
internal abstract class SoftMasks : Perturbation<HeatMap>
{
    private readonly byte[] _fill;

    /// <param name="fill">[C]; see <see cref="MeanColor"/>.</param>
    private protected SoftMasks(ModelInput shape, ReadOnlySpan<byte> fill)
        : base(shape)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(fill.Length, shape.Channels);
        _fill = fill.ToArray();
    }

    /// <summary>The mask of a copy: [H, W], 0-1.</summary>
    public abstract void Mask(int index, Span<float> mask);

    public override void Write(int index, ReadOnlySpan<byte> planes, Span<byte> perturbed)
    {
        Check(index, planes, perturbed);
        var rented = ArrayPool<float>.Shared.Rent(Shape.Area);
        try
        {
            var mask = rented.AsSpan(0, Shape.Area);
            Mask(index, mask);
            for (var c = 0; c < Shape.Channels; c++)
            {
                float fill = _fill[c];
                var from = planes.Slice(c * Shape.Area, Shape.Area);
                var to = perturbed.Slice(c * Shape.Area, Shape.Area);
                for (var i = 0; i < to.Length; i++)
                {
                    to[i] = (byte)(fill + ((from[i] - fill) * mask[i]) + 0.5f);
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    /// <summary>[H, W]: the masks, each times its score, added up and divided. A score that is not finite counts as
    /// 0: it would spoil the whole map.</summary>
    private protected HeatMap WeightedSum(ReadOnlySpan<float> scores, double divisor)
    {
        Check(scores);
        var sums = new double[Shape.Area];
        var rented = ArrayPool<float>.Shared.Rent(Shape.Area);
        try
        {
            var mask = rented.AsSpan(0, Shape.Area);
            for (var index = 0; index < scores.Length; index++)
            {
                var weight = scores[index] / divisor;
                if (!double.IsFinite(weight))
                {
                    continue;
                }

                Mask(index, mask);
                for (var i = 0; i < sums.Length; i++)
                {
                    sums[i] += weight * mask[i];
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }

        return HeatMap.Of(Shape.Width, Shape.Height, sums);
    }
}
