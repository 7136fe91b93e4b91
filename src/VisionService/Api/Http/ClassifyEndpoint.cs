using VisionService.Api.Calls;
using VisionService.Classification;

namespace VisionService.Api.Http;

/// <summary><c>POST /classify</c>: labels with their probabilities.</summary>
internal static class ClassifyEndpoint
{
    private const string Example = """
        {
          "model": {"name": "cifar10-resnet20", "version": "1", "task": "classify", "family": "classifier"},
          "image": {"width": 480, "height": 360},
          "predictions": [{"label": "cat", "class_id": 3, "score": 0.988}, {"label": "dog", "class_id": 5, "score": 0.006}],
          "timings_ms": {"decode": 2.1, "preprocess": 0.8, "queue": 0.1, "inference": 3.2, "postprocess": 0.1, "total": 6.4}
        }
        """;

    public static TaskEndpoint<ClassifyRequest, ClassifyResult, ClassifyResponse> Create() =>
        new(ClassifyCall.Call, ContractsJson.Readable.ClassifyResponse, Example, ClassifyCall.Answer);
}
