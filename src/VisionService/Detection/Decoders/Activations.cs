using System.Numerics.Tensors;

namespace VisionService.Detection.Decoders;

/// <summary>What turns a head's raw numbers into probabilities and distances.</summary>
internal static class Activations
{
    public static float Sigmoid(float logit) => 1 / (1 + MathF.Exp(-logit));

    /// <summary>The logit below which a sigmoid stays below <paramref name="probability"/>: spares the exponential of
    /// most cells.</summary>
    public static float Logit(float probability) =>
        probability <= 0 ? float.NegativeInfinity
        : probability >= 1 ? float.PositiveInfinity
        : MathF.Log(probability / (1 - probability)) - 1e-4f; // a little less: the exact test is done on the probability

    /// <summary>The softmax of one of the logits.</summary>
    /// <param name="logit">One of <paramref name="logits"/>.</param>
    public static float Softmax(ReadOnlySpan<float> logits, float logit)
    {
        var (sum, max) = (0f, TensorPrimitives.Max(logits));
        foreach (var other in logits)
        {
            sum += MathF.Exp(other - max);
        }

        return MathF.Exp(logit - max) / sum;
    }

    /// <summary>The mean of 0, 1, 2.. under the softmax of the bins.</summary>
    /// <remarks>Li et al., Generalized Focal Loss, 2020: a distance as a distribution.</remarks>
    public static float Expectation(ReadOnlySpan<float> bins)
    {
        var (sum, weighted, max) = (0f, 0f, TensorPrimitives.Max(bins));
        for (var i = 0; i < bins.Length; i++)
        {
            var weight = MathF.Exp(bins[i] - max);
            sum += weight;
            weighted += weight * i;
        }

        return weighted / sum;
    }
}
