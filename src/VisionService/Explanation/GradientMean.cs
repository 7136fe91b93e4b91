using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>The mean of the score's gradient over points near the input, or on the way to it.</summary>
/// <remarks>
/// For one explanation: <see cref="WritePoint"/> gives the points, <see cref="Add"/> takes the gradients, and then
/// <see cref="Combine"/> the map. Gradients may arrive from any thread and in any order and the sum is the same to the
/// bit: those ahead of their turn are kept until it comes, so that only as many are held as are out of order.
/// </remarks>
internal abstract class GradientMean(ModelInput shape)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, float[]> _early = [];
    private readonly double[] _sums = new double[shape.Length];
    private int _added;

    public ModelInput Shape => shape;

    /// <summary>How many points.</summary>
    public abstract int Count { get; }

    /// <summary>A point to take the gradient at; from any thread, the same each time.</summary>
    /// <param name="index">0 to below <see cref="Count"/>.</param>
    /// <param name="pixels">The input [C, H, W], 0-255.</param>
    /// <param name="point">[C, H, W]; need not stay in 0-255.</param>
    public abstract void WritePoint(int index, ReadOnlySpan<float> pixels, Span<float> point);

    /// <summary>The map over the input [H, W], not negative.</summary>
    /// <exception cref="InvalidOperationException">A gradient is missing.</exception>
    public abstract HeatMap Combine(ReadOnlySpan<float> pixels);

    /// <summary>Takes the gradient at a point, once for each.</summary>
    /// <param name="gradient">[C, H, W]; not kept. What is not finite counts as 0.</param>
    public void Add(int index, ReadOnlySpan<float> gradient)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(gradient.Length, shape.Length);
        lock (_lock)
        {
            if (index < _added || index >= Count || _early.ContainsKey(index))
            {
                throw new ArgumentOutOfRangeException(
                    nameof(index), index, "There is no such point, or its gradient is here.");
            }

            if (index > _added)
            {
                _early.Add(index, gradient.ToArray());
                return;
            }

            Sum(gradient);
            while (_early.Remove(_added, out var next))
            {
                Sum(next);
            }
        }
    }

    /// <summary>[C, H, W].</summary>
    /// <exception cref="InvalidOperationException">A gradient is missing.</exception>
    public float[] Mean()
    {
        lock (_lock)
        {
            if (_added < Count)
            {
                throw new InvalidOperationException($"{_added} of {Count} gradients have come so far.");
            }

            return Array.ConvertAll(_sums, sum => (float)(sum / Count));
        }
    }

    private void Sum(ReadOnlySpan<float> gradient)
    {
        for (var i = 0; i < _sums.Length; i++)
        {
            _sums[i] += float.IsFinite(gradient[i]) ? gradient[i] : 0;
        }

        _added++;
    }
}
