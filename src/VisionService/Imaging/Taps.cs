using System.Buffers;

namespace VisionService.Imaging;

/// <summary>Which source pixels make up each resized pixel along one axis, and with what weight: fixed point, 22 bits,
/// as in Pillow.</summary>
/// <remarks>Every resized pixel has the same number of taps, an even one, so that the inner loops need no test; the
/// surplus weighs zero.
/// Rented memory: dispose after use. Making a table costs microseconds, so none is kept.</remarks>
internal readonly struct Taps : IDisposable
{
    /// <summary>Fraction bits of a weight.</summary>
    public const int Precision = 22;

    /// <summary>A weight is split as high * 2^11 + low, two halves that fit the 16-bit multiply-add exactly.</summary>
    public const int LowBits = 11;

    private readonly int[] _first;
    private readonly int[] _weights;
    private readonly int[] _pairs;
    private readonly int _count;

    private Taps(int count, int size)
    {
        (_count, Size) = (count, size);
        _first = ArrayPool<int>.Shared.Rent(count);
        _weights = ArrayPool<int>.Shared.Rent(count * size);
        _pairs = ArrayPool<int>.Shared.Rent(count * size);
    }

    /// <summary>Taps per resized pixel; even.</summary>
    public int Size { get; }

    /// <summary>First source pixel of each resized pixel. With <see cref="Size"/> taps it may reach past the end, with
    /// weight zero.</summary>
    public ReadOnlySpan<int> First => _first.AsSpan(0, _count);

    /// <summary>[count, Size] weights; those of one pixel sum to 2^22 but for rounding.</summary>
    public ReadOnlySpan<int> Weights => _weights.AsSpan(0, _count * Size);

    /// <summary>[count, Size / 2, 2]: for each two taps the packed 16-bit pairs of their high and of their low
    /// halves.</summary>
    public ReadOnlySpan<int> Pairs => _pairs.AsSpan(0, _count * Size);

    /// <summary>The taps of <paramref name="count"/> resized pixels from <paramref name="from"/>.</summary>
    /// <param name="source">Source pixels along the axis.</param>
    /// <param name="start">Where the picture begins among them; usually 0.</param>
    /// <param name="length">How far it reaches; usually <paramref name="source"/>.</param>
    /// <param name="resized">Length of the whole axis after resizing.</param>
    /// <param name="from">First resized pixel wanted.</param>
    /// <param name="count">Resized pixels wanted.</param>
    /// <param name="interpolation">The filter.</param>
    /// <param name="antialias">Widen the filter when shrinking (Pillow); otherwise sample at the point
    /// (OpenCV).</param>
    public static Taps Create(
        int source, double start, double length, int resized, int from, int count, Interpolation interpolation, bool antialias)
    {
        var scale = length / resized;
        var widens = interpolation == Interpolation.Area || (antialias && interpolation != Interpolation.Nearest);
        var stretch = widens ? Math.Max(scale, 1) : 1;
        var support = Kernel.Support(interpolation) * stretch;
        var size = Even((int)Math.Ceiling(2 * support) + (interpolation is Interpolation.Box or Interpolation.Area ? 1 : 0));
        var taps = new Taps(count, size);
        var scratch = size <= 256 ? stackalloc double[size] : new double[size];
        var position = start + (scale * 0.5);
        for (var i = 0; i < from; i++)
        {
            position += scale; // added up, not multiplied: Pillow's nearest falls on exact halves, where the last bit decides
        }

        for (var i = 0; i < count; i++, position += scale)
        {
            scratch.Clear();
            taps._first[i] = interpolation switch
            {
                Interpolation.Nearest when antialias => Nearest(scratch, position, source),
                Interpolation.Nearest => Nearest(scratch, start + ((from + i) * scale), source), // OpenCV takes the left edge
                Interpolation.Area => Area(scratch, start + ((from + i) * scale), scale, source),
                _ when antialias => Convolve(scratch, start + ((from + i + 0.5) * scale), stretch, support, source, interpolation),
                _ => Sample(scratch, start + ((from + i + 0.5) * scale), source, interpolation),
            };
            taps.Quantize(i, scratch);
        }

        return taps;
    }

    public void Dispose()
    {
        ArrayPool<int>.Shared.Return(_first);
        ArrayPool<int>.Shared.Return(_weights);
        ArrayPool<int>.Shared.Return(_pairs);
    }

    // The kernels fade to zero at their ends, so that of ceil(2 * support) + 1 pixels one always weighs nothing; a box
    // does not fade.
    private static int Even(int size) => (size + 1) & ~1;

    private static int Nearest(Span<double> weights, double position, int source)
    {
        weights[0] = 1;
        return Math.Clamp((int)position, 0, source - 1);
    }

    // Share of each source pixel in [left, left + scale).
    private static int Area(Span<double> weights, double left, double scale, int source)
    {
        var right = left + Math.Max(scale, 1);
        var first = Math.Clamp((int)left, 0, source - 1);
        for (var t = 0; t < weights.Length && first + t < source; t++)
        {
            weights[t] = Math.Max(0, Math.Min(first + t + 1, right) - Math.Max(first + t, left));
        }

        return first;
    }

    // Pillow: every pixel under the widened kernel; what the border cuts off is made good by normalising.
    private static int Convolve(
        Span<double> weights, double center, double stretch, double support, int source, Interpolation interpolation)
    {
        var first = Math.Max((int)(center - support + 0.5), 0);
        var end = Math.Min((int)(center + support + 0.5), source);
        var inverse = 1 / stretch;
        while (first < end - 1 && Kernel.Weight(interpolation, (first - center + 0.5) * inverse, antialias: true) == 0)
        {
            first++;
        }

        end = Math.Min(end, first + weights.Length);
        for (var x = first; x < end; x++)
        {
            weights[x - first] = Kernel.Weight(interpolation, (x - center + 0.5) * inverse, antialias: true);
        }

        return first;
    }

    // OpenCV: the kernel at its natural width; beyond the border the last pixel repeats.
    private static int Sample(Span<double> weights, double center, int source, Interpolation interpolation)
    {
        var reach = (int)Math.Ceiling(Kernel.Support(interpolation));
        var left = (int)Math.Floor(center - 0.5) - reach + 1;
        var first = Math.Clamp(left, 0, source - 1);
        for (var x = left; x < left + (2 * reach); x++)
        {
            weights[Math.Clamp(x, first, source - 1) - first] += Kernel.Weight(interpolation, x + 0.5 - center, antialias: false);
        }

        return first;
    }

    private void Quantize(int index, ReadOnlySpan<double> weights)
    {
        var sum = 0.0;
        foreach (var weight in weights)
        {
            sum += weight;
        }

        var quantized = _weights.AsSpan(index * Size, Size);
        for (var t = 0; t < Size; t++)
        {
            var weight = sum == 0 ? 0 : weights[t] / sum;
            quantized[t] = (int)((weight < 0 ? -0.5 : 0.5) + (weight * (1 << Precision)));
        }

        var pairs = _pairs.AsSpan(index * Size, Size);
        const int lowMask = (1 << LowBits) - 1;
        for (var t = 0; t < Size; t += 2)
        {
            var (a, b) = (quantized[t], quantized[t + 1]);
            pairs[t] = ((a >> LowBits) & 0xFFFF) | ((b >> LowBits) << 16);
            pairs[t + 1] = (a & lowMask) | ((b & lowMask) << 16);
        }
    }
}
