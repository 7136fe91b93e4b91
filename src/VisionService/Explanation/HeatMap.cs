using System.Numerics.Tensors;

namespace VisionService.Explanation;

/// <summary>How much each place of the network's input, or of a layer, spoke for the explained score.</summary>
internal sealed class HeatMap
{
    private const float Epsilon = 1e-7f;

    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="values">[H, W]; kept. What is not a finite number becomes 0: it would spoil every picture and
    /// number made of it.</param>
    public HeatMap(int width, int height, float[] values)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, width * height);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = float.IsFinite(values[i]) ? values[i] : 0;
        }

        (Width, Height, Values) = (width, height, values);
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>[H, W], row after row; finite.</summary>
    public float[] Values { get; }

    /// <summary>From sums in double precision.</summary>
    public static HeatMap Of(int width, int height, ReadOnlySpan<double> values)
    {
        var narrow = new float[values.Length];
        for (var i = 0; i < narrow.Length; i++)
        {
            narrow[i] = (float)values[i];
        }

        return new HeatMap(width, height, narrow);
    }

    /// <summary>What spoke for the score, from 0 to 1: negative values become 0, then the lowest becomes 0 and the
    /// highest 1. A map without differences is 0 everywhere.</summary>
    /// <param name="epsilon">Added to the highest value before it divides; 0: maps of any magnitude are stretched
    /// alike.</param>
    public HeatMap Normalized(float epsilon = Epsilon)
    {
        var values = new float[Values.Length];
        TensorPrimitives.Max(Values, 0f, values);
        var min = TensorPrimitives.Min<float>(values);
        var divisor = (double)(TensorPrimitives.Max<float>(values) - min) + epsilon;
        for (var i = 0; i < values.Length && divisor > 0; i++)
        {
            values[i] = (float)((values[i] - min) / divisor);
        }

        return divisor > 0 ? new HeatMap(Width, Height, values) : new HeatMap(Width, Height, new float[values.Length]);
    }

    /// <summary>Bilinear, half-pixel centres, no antialiasing.</summary>
    public HeatMap Resized(int width, int height)
    {
        var values = new float[width * height];
        new BilinearMap(Values, LinearAxis.HalfPixel(Width, width), LinearAxis.HalfPixel(Height, height)).Write(values);
        return new HeatMap(width, height, values);
    }

    /// <summary>For pictures of maps in which a few places outshine all others, as gradients of pixels do: the share of
    /// the values that lies highest is cut down to the highest of the rest.</summary>
    /// <param name="fraction">The share that stays as it is. Default 0.99, as is usual for saliency.</param>
    /// <remarks>A map that is 0 almost everywhere stays as it is.</remarks>
    public HeatMap Clipped(float fraction = 0.99f)
    {
        var sorted = Values.AsSpan().ToArray();
        Array.Sort(sorted);
        var limit = sorted[(int)(Math.Clamp(fraction, 0, 1) * (sorted.Length - 1))];
        var values = Values.AsSpan().ToArray();
        if (limit > 0)
        {
            TensorPrimitives.Min(values, limit, values);
        }

        return new HeatMap(Width, Height, values);
    }

    /// <summary>For pictures of maps that are grainy: blurred, see <see cref="BoxBlur"/>.</summary>
    /// <param name="radius">In cells. Default a hundredth of the shorter side, at least 1.</param>
    public HeatMap Smoothed(int? radius = null)
    {
        var values = Values.AsSpan().ToArray();
        BoxBlur.Apply(values, Width, Height, radius ?? Math.Max(1, Math.Min(Width, Height) / 100));
        return new HeatMap(Width, Height, values);
    }
}
