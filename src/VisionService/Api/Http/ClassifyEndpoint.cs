using VisionService.Classification;

namespace VisionService.Api.Http;

/// <summary><c>POST /classify</c>: labels with their probabilities.</summary>
internal static class ClassifyEndpoint
{
    public const string Task = "classify";

    public static TaskEndpoint<ClassifyRequest, ClassifyResult, ClassifyResponse> Create() => new(
        new VisionCall<ClassifyRequest, ClassifyResult>(
            Task,
            new ParameterTable(
                Parameter.Integer("top_k", 1, 10_000, "5", "Most predictions in the answer."),
                Parameter.Number("score_threshold", 0, 1, "0", "Lowest score in the answer."),
                Parameter.Text(
                    "classes", "labels or class ids, comma separated", "all", "The classes to speak of; a list in JSON.")),
            static (parameters, model) =>
            {
                var topK = parameters.Integer("top_k", 5);
                var minScore = (float)parameters.Number("score_threshold", 0);
                var classes = parameters.Texts("classes") is { } texts ? model.Labels.Resolve(texts) : null;
                return image => new ClassifyRequest(image, topK, minScore, classes);
            }),
        ContractsJson.Default.ClassifyResponse,
        static (answer, image, timings) => new ClassifyResponse(
            ModelIdentity.Of(answer.Model), new ImageSize(image.Width, image.Height), image.Result!.Predictions, timings));
}
