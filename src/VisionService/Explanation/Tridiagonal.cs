using System.Numerics.Tensors;

namespace VisionService.Explanation;

/// <summary>A symmetric tridiagonal matrix that grows, and its largest eigenvalue.</summary>
internal sealed class Tridiagonal
{
    private readonly List<double> _diagonal = [];
    private readonly List<double> _beside = [];

    /// <summary>The next entry of the diagonal; from the second on after <see cref="Couple"/>.</summary>
    public void Add(double diagonal) => _diagonal.Add(diagonal);

    /// <summary>The entry beside the diagonal between the last row and the next.</summary>
    public void Couple(double beside) => _beside.Add(beside);

    /// <summary>The largest eigenvalue and its unit eigenvector.</summary>
    public (double Value, double[] Vector) Largest()
    {
        // 1. Bisection: x lies above all eigenvalues when T - x has negative pivots only (Sturm).
        var (low, high) = (_diagonal.Max(), _diagonal.Max() + (2 * _beside.DefaultIfEmpty().Max()));
        high += 1e-14 * Math.Abs(high);
        for (var step = 0; step < 100 && low < high; step++)
        {
            var middle = low + ((high - low) / 2);
            (low, high) = IsAbove(middle) ? (low, middle) : (middle, high);
        }

        // 2. Inverse iteration just above it, where T - x is negative definite and elimination needs no pivots.
        var vector = new double[_diagonal.Count];
        Array.Fill(vector, 1);
        for (var step = 0; step < 4; step++)
        {
            Solve(high + (1e-15 * Math.Abs(high)), vector);
            TensorPrimitives.Divide(vector, TensorPrimitives.MaxMagnitude<double>(vector), vector);
            TensorPrimitives.Divide(vector, TensorPrimitives.Norm<double>(vector), vector);
        }

        return (high, vector);
    }

    private bool IsAbove(double x)
    {
        var pivot = _diagonal[0] - x;
        for (var i = 1; i < _diagonal.Count && pivot < 0; i++)
        {
            pivot = _diagonal[i] - x - (_beside[i - 1] * _beside[i - 1] / pivot);
        }

        return pivot < 0;
    }

    private void Solve(double x, Span<double> vector)
    {
        Span<double> pivots = new double[vector.Length];
        pivots[0] = Pivot(_diagonal[0] - x, x);
        for (var i = 1; i < vector.Length; i++)
        {
            var factor = _beside[i - 1] / pivots[i - 1];
            pivots[i] = Pivot(_diagonal[i] - x - (factor * _beside[i - 1]), x);
            vector[i] -= factor * vector[i - 1];
        }

        vector[^1] /= pivots[^1];
        for (var i = vector.Length - 2; i >= 0; i--)
        {
            vector[i] = (vector[i] - (_beside[i] * vector[i + 1])) / pivots[i];
        }
    }

    // At the eigenvalue itself the last pivot is rounding, and may be zero: any tiny number does.
    private static double Pivot(double pivot, double x) => Math.Min(pivot, -1e-18 * Math.Max(Math.Abs(x), 1e-200));
}
