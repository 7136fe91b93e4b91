using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>One of the two numbers that a score is the product of, and the element that it comes from.</summary>
/// <param name="Output">Which output, as in <see cref="OutputElement"/>.</param>
/// <param name="Index">Which element of the item's rows.</param>
/// <param name="Value">After its activation.</param>
/// <param name="Slope">How that grows with the element.</param>
internal readonly record struct ScoreFactor(int Output, int Index, float Value, float Slope)
{
    /// <summary>A probability already.</summary>
    public static ScoreFactor Probability(ModelOutputs outputs, int output, int index) =>
        new(output, index, outputs.Floats(output)[index], 1);

    /// <summary>The sigmoid of a logit.</summary>
    public static ScoreFactor Sigmoid(ModelOutputs outputs, int output, int index)
    {
        var logit = outputs.Floats(output)[index];
        var value = Activations.Sigmoid(logit);
        return new(output, index, value, value * Activations.Sigmoid(-logit)); // 1 - value has no digits near 1
    }

    /// <summary>The highest of the logits under their softmax. Of these the chosen alone counts: how the others
    /// normalise it is no reason for it.</summary>
    /// <param name="index">The chosen one.</param>
    /// <param name="first">The first of the logits; the next is <paramref name="step"/> further.</param>
    public static ScoreFactor Softmax(ModelOutputs outputs, int output, int index, int first, int step, int count)
    {
        var logits = outputs.Floats(output);
        var others = 0f; // in units of the chosen
        for (var i = first; i < first + (count * step); i += step)
        {
            others += i == index ? 0 : MathF.Exp(logits[i] - logits[index]);
        }

        var value = 1 / (1 + others);
        return new(output, index, value, value * value * others); // others / (1 + others) is 1 - value
    }

    /// <summary>The gradient of the product.</summary>
    public OutputElement[] Times(ScoreFactor other) =>
        [new(Output, Index, Slope * other.Value), new(other.Output, other.Index, other.Slope * Value)];
}
