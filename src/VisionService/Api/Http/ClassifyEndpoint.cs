using VisionService.Classification;

namespace VisionService.Api.Http;

/// <summary><c>POST /classify</c>: labels with their probabilities.</summary>
internal static class ClassifyEndpoint
{
    private const string Task = "classify";

    private const string Example = """
        {
          "model": {"name": "cifar10-resnet20", "version": "1", "task": "classify", "family": "classifier"},
          "image": {"width": 480, "height": 360},
          "predictions": [{"label": "cat", "class_id": 3, "score": 0.988}, {"label": "dog", "class_id": 5, "score": 0.006}],
          "timings_ms": {"decode": 2.1, "preprocess": 0.8, "queue": 0.1, "inference": 3.2, "postprocess": 0.1, "total": 6.4}
        }
        """;

    public static TaskEndpoint<ClassifyRequest, ClassifyResult, ClassifyResponse> Create() => new(
        new VisionCall<ClassifyRequest, ClassifyResult>(
            Task,
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
            }),
        ContractsJson.Readable.ClassifyResponse,
        Example,
        static (answer, image, timings) => new ClassifyResponse(
            ModelIdentity.Of(answer.Model), new ImageSize(image.Width, image.Height), image.Result!.Predictions, timings));
}
