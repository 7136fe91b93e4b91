using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Classification;

/// <summary>Turns logits into probabilities one at a time: only those that make it into the answer are worth the
/// exponential.</summary>
internal readonly struct Probabilities
{
    private readonly ScoreActivation _activation;
    private readonly float _max;
    private readonly double _sum;

    public Probabilities(ReadOnlySpan<float> logits, ScoreActivation activation)
    {
        _activation = activation;
        if (activation == ScoreActivation.Softmax)
        {
            // Relative to the largest, so that no exponential overflows.
            _max = TensorPrimitives.Max(logits);
            foreach (var logit in logits)
            {
                _sum += Math.Exp(logit - _max);
            }

            AreFinite = double.IsFinite(_sum);
        }
        else
        {
            AreFinite = float.IsFinite(TensorPrimitives.Sum(logits));
        }
    }

    /// <summary>False where a logit is NaN, or infinite so that no probability follows.</summary>
    public bool AreFinite { get; }

    public float Of(float logit) => _activation switch
    {
        ScoreActivation.Softmax => (float)(Math.Exp(logit - _max) / _sum),
        ScoreActivation.Sigmoid => (float)(1 / (1 + Math.Exp(-logit))),
        _ => logit,
    };
}
