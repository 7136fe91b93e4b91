using VisionService.Api.Calls;
using VisionService.Explanation;

namespace VisionService.Api.Http;

/// <summary><c>POST /explain</c>: where in the image the reason for an answer lies, as numbers or drawn onto the
/// image.</summary>
internal static class ExplainEndpoint
{
    private const string Example = """
        {
          "model": {"name": "cifar10-resnet20", "version": "1", "task": "classify", "family": "classifier"},
          "image": {"width": 480, "height": 360},
          "target": {"label": "cat", "class_id": 3, "score": 0.988},
          "method": "cam",
          "layer": "relu_18",
          "heatmap": {"width": 480, "height": 360, "png": "iVBORw0KGgo...", "grid": {"width": 2, "height": 2, "values": [0.1, 2.2, 0.4, 0.9]}},
          "seen": {"xmin": 60, "ymin": 0, "xmax": 420, "ymax": 360},
          "timings_ms": {"decode": 2.1, "preprocess": 0.8, "queue": 0.1, "inference": 3.2, "postprocess": 0.6, "total": 7.0}
        }
        """;

    public static TaskEndpoint<ExplainRequest, ExplainResult, ExplainResponse> Create() =>
        new(ExplainCall.Call, ContractsJson.Readable.ExplainResponse, Example, ExplainCall.Answer);
}
