using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>Questions to a network of which only the score is known: changed copies of one input, and what their scores
/// say together.</summary>
/// <remarks>Copies are made when they are asked for, in any order and from any thread, and are the same each
/// time.</remarks>
/// <typeparam name="TResult">What the scores are combined to.</typeparam>
internal abstract class Perturbation<TResult>(ModelInput shape)
{
    public ModelInput Shape => shape;

    /// <summary>How many copies.</summary>
    public abstract int Count { get; }

    /// <summary>Makes a copy.</summary>
    /// <param name="index">0 to below <see cref="Count"/>.</param>
    /// <param name="planes">[C, H, W], the same for each index.</param>
    /// <param name="perturbed">[C, H, W]; written whole.</param>
    public abstract void Write(int index, ReadOnlySpan<byte> planes, Span<byte> perturbed);

    /// <summary>What it all says.</summary>
    /// <param name="baseScore">Of the input unchanged.</param>
    /// <param name="scores">Of each copy.</param>
    public abstract TResult Combine(float baseScore, ReadOnlySpan<float> scores);

    private protected void Check(int index, ReadOnlySpan<byte> planes, Span<byte> perturbed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        ArgumentOutOfRangeException.ThrowIfNotEqual(planes.Length, shape.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(perturbed.Length, shape.Length);
    }

    private protected void Check(ReadOnlySpan<float> scores) =>
        ArgumentOutOfRangeException.ThrowIfNotEqual(scores.Length, Count);
}
