using System.Numerics.Tensors;

namespace VisionService.Explanation;

/// <summary>
/// The map that says most about all channels at once: with R [h*w, K] the activations of which each channel's mean is
/// taken away, R * v, v being the first right singular vector of R.
/// </summary>
/// <remarks>
/// Lanczos iteration with full re-orthogonalisation on R R' or R' R, whichever is smaller, which is never formed: a
/// step costs two passes over R. The gap to the second singular value may be a hundredth and the answer is still good
/// to 1e-9. The sign, which the mathematics leaves open, is the one that correlates with the channels' mean.
/// </remarks>
internal sealed class PrincipalComponent
{
    private const int MaxSteps = 300;
    private const double MaxResidual = 1e-11;

    private readonly double[] _rows; // [K, h*w], each row less its mean
    private readonly int _channels;
    private readonly int _area;

    private PrincipalComponent(double[] rows, int area)
    {
        (_rows, _channels, _area) = (rows, rows.Length / area, area);
    }

    /// <summary>[h*w].</summary>
    /// <param name="activations">[K, h*w].</param>
    /// <param name="factors">[K, h*w] that the activations are multiplied with; empty: none.</param>
    public static double[] Of(ReadOnlySpan<float> activations, ReadOnlySpan<float> factors, int area)
    {
        var rows = new double[activations.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            var product = factors.IsEmpty ? activations[i] : (double)activations[i] * factors[i];
            rows[i] = double.IsFinite(product) ? product : 0;
        }

        var mean = new double[area];
        for (var start = 0; start < rows.Length; start += area)
        {
            var row = rows.AsSpan(start, area);
            TensorPrimitives.Add<double>(mean, row, mean);
            TensorPrimitives.Subtract(row, TensorPrimitives.Sum<double>(row) / area, row);
        }

        var map = new PrincipalComponent(rows, area).Map();
        TensorPrimitives.Subtract(mean, TensorPrimitives.Sum<double>(mean) / area, mean);
        var correlation = TensorPrimitives.Dot<double>(map, mean);
        if (correlation < 0 || (correlation == 0 && map[TensorPrimitives.IndexOfMaxMagnitude<double>(map)] < 0))
        {
            TensorPrimitives.Negate<double>(map, map);
        }

        return map;
    }

    private double[] Map()
    {
        var map = new double[_area];
        var isWide = _area <= _channels;
        var direction = Lanczos(isWide ? _area : _channels, isWide ? ThroughChannels : ThroughPlaces);
        if (isWide)
        {
            // R v = s u, with u in hand and s = |R' u|.
            var projected = new double[_channels];
            ToChannels(direction, projected);
            TensorPrimitives.Multiply(direction, TensorPrimitives.Norm<double>(projected), map);
        }
        else
        {
            ToPlaces(direction, map);
        }

        return map;
    }

    private void ThroughChannels(double[] from, double[] to)
    {
        var between = new double[_channels];
        ToChannels(from, between);
        ToPlaces(between, to);
    }

    private void ThroughPlaces(double[] from, double[] to)
    {
        var between = new double[_area];
        ToPlaces(from, between);
        ToChannels(between, to);
    }

    private void ToChannels(ReadOnlySpan<double> places, Span<double> channels)
    {
        for (var k = 0; k < _channels; k++)
        {
            channels[k] = TensorPrimitives.Dot(_rows.AsSpan(k * _area, _area), places);
        }
    }

    private void ToPlaces(ReadOnlySpan<double> channels, Span<double> places)
    {
        places.Clear();
        for (var k = 0; k < _channels; k++)
        {
            TensorPrimitives.MultiplyAdd(_rows.AsSpan(k * _area, _area), channels[k], places, places);
        }
    }

    /// <summary>The unit eigenvector of the largest eigenvalue; all zero where the matrix is.</summary>
    private static double[] Lanczos(int size, Action<double[], double[]> multiply)
    {
        var basis = new List<double[]> { Start(size) };
        var tridiagonal = new Tridiagonal();
        while (true)
        {
            // 1. The next direction: the image of the last one, less all that is known already; twice, for rounding.
            var next = new double[size];
            multiply(basis[^1], next);
            var diagonal = TensorPrimitives.Dot<double>(basis[^1], next);
            for (var pass = 0; pass < 2; pass++)
            {
                foreach (var known in basis)
                {
                    TensorPrimitives.MultiplyAdd(known, -TensorPrimitives.Dot<double>(known, next), next, next);
                }
            }

            // 2. Enough, when what the best mixture of the basis leaves over is nothing against its eigenvalue.
            var length = TensorPrimitives.Norm<double>(next);
            tridiagonal.Add(diagonal);
            var isLast = basis.Count == Math.Min(size, MaxSteps);
            if (isLast || basis.Count % 4 == 0 || length <= MaxResidual * Math.Abs(diagonal))
            {
                var (value, mixture) = tridiagonal.Largest();
                if (isLast || length * Math.Abs(mixture[^1]) <= MaxResidual * value)
                {
                    return Mix(basis, mixture, isZero: value <= 0);
                }
            }

            tridiagonal.Couple(length);
            TensorPrimitives.Divide(next, length, next);
            basis.Add(next);
        }
    }

    // Without a pattern that an image might share, so that no eigenvector is missed.
    private static double[] Start(int size)
    {
        var random = new SplitMix64(seed: 0, stream: 0);
        var start = new double[size];
        for (var i = 0; i < size; i++)
        {
            start[i] = random.NextDouble() - 0.5;
        }

        TensorPrimitives.Divide(start, TensorPrimitives.Norm<double>(start), start);
        return start;
    }

    private static double[] Mix(List<double[]> basis, double[] mixture, bool isZero)
    {
        var vector = new double[basis[0].Length];
        for (var i = 0; i < basis.Count && !isZero; i++)
        {
            TensorPrimitives.MultiplyAdd(basis[i], mixture[i], vector, vector);
        }

        return vector;
    }
}
