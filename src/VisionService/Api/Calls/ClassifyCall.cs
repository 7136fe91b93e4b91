using VisionService.Classification;

namespace VisionService.Api.Calls;

/// <summary>Labels with their probabilities.</summary>
internal static class ClassifyCall
{
    public static VisionCall<ClassifyRequest, ClassifyResult> Call { get; } = new(
        "classify",
        new ParameterTable(
            Parameter.Integer("top_k", 1, 10_000, "5", "Most predictions in the answer."),
            Parameter.Number("score_threshold", 0, 1, "the model's, else 0", "Lowest score in the answer."),
            Parameter.Classes("The classes to speak of")),
        static (parameters, model) =>
        {
            var topK = parameters.Integer("top_k", 5);
            var minScore = (float)parameters.Number("score_threshold", model.Defaults.MinScore ?? 0);
            var classes = parameters.Texts("classes") is { } texts ? model.Labels.Resolve(texts) : null;
            return image => new ClassifyRequest(image, topK, minScore, classes);
        });

    public static ClassifyResponse Answer(
        VisionAnswer<ClassifyResult> answer, ImageAnswer<ClassifyResult> image, ParameterValues parameters, TimingsMs timings) =>
        new(ModelIdentity.Of(answer.Model), new ImageSize(image.Width, image.Height), image.Result!.Predictions, timings);
}
