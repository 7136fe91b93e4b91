using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Classification;

/// <summary>What a caller wants to know of one image.</summary>
/// <param name="TopK">Most predictions in the answer.</param>
/// <param name="MinScore">Lowest score in the answer, 0-1.</param>
/// <param name="Classes">The class ids to speak of; null: all.</param>
internal sealed record ClassifyRequest(
    RgbImage Image, int TopK = 5, float MinScore = 0, IReadOnlySet<int>? Classes = null);

/// <param name="Score">Probability, 0-1.</param>
/// <param name="Synset">WordNet id; null where the labels carry none.</param>
internal sealed record ClassPrediction(string Label, int ClassId, float Score, string? Synset);

/// <param name="Predictions">Best first; of equal scores the lower class id first.</param>
internal sealed record ClassifyResult(IReadOnlyList<ClassPrediction> Predictions);

/// <summary>The task of naming what is in an image: class scores in, the best labels out.</summary>
/// <param name="geometry">How the image is brought to the network's size.</param>
/// <param name="channels">3 for RGB planes, 1 for grey.</param>
/// <param name="output">Index of the output with the scores: <c>[1, classes]</c>, possibly with trailing ones.</param>
/// <param name="firstClass">1 where the first score is the background, which no label names; else 0.</param>
internal sealed class Classifier(
    InputGeometry geometry, int channels, LabelList labels, int output, ScoreActivation activation, int firstClass)
    : IVisionTask<ClassifyRequest, ClassifyResult>
{
    public ModelInput Shape(ClassifyRequest request) => new(channels, geometry.Height, geometry.Width);

    public void Preprocess(ClassifyRequest request, Span<byte> planes) =>
        Planes.Write(
            request.Image, geometry.Place(request.Image.SourceWidth, request.Image.SourceHeight), planes, channels);

    /// <exception cref="VisionException">The model answered with something that is not a number.</exception>
    public ClassifyResult Postprocess(ClassifyRequest request, ModelOutputs outputs)
    {
        var logits = outputs.Floats(output);
        var probabilities = new Probabilities(logits, activation);
        if (!probabilities.AreFinite)
        {
            throw new VisionException(VisionError.InferenceFailed, "The model answered with scores that are not numbers.");
        }

        // Activations keep the order within an answer, so the best logits are the best scores.
        var best = new TopScores(Math.Min(request.TopK, labels.Count));
        for (var id = 0; id < labels.Count; id++)
        {
            if (request.Classes is null || request.Classes.Contains(id))
            {
                best.Offer(id, logits[id + firstClass]);
            }
        }

        var predictions = new List<ClassPrediction>(best.Count);
        for (var i = 0; i < best.Count; i++)
        {
            var (id, logit) = best[i];
            var score = probabilities.Of(logit);
            if (score >= request.MinScore)
            {
                predictions.Add(new ClassPrediction(labels.Names[id], id, score, labels.Synsets?[id]));
            }
        }

        return new ClassifyResult(predictions);
    }

    /// <summary>The probability of one class, 0-1.</summary>
    public float Probability(ModelOutputs outputs, int classId)
    {
        var logits = outputs.Floats(output);
        return new Probabilities(logits, activation).Of(logits[classId + firstClass]);
    }

    /// <summary>The score of one class before it became a probability; of probabilities the logarithm.</summary>
    public float Logit(ModelOutputs outputs, int classId)
    {
        var score = outputs.Floats(output)[classId + firstClass];
        return activation == ScoreActivation.None ? MathF.Log(MathF.Max(score, float.Epsilon)) : score;
    }
}
