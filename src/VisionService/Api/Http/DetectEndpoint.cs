using VisionService.Api.Calls;
using VisionService.Detection;

namespace VisionService.Api.Http;

/// <summary><c>POST /detect</c>: boxes with labels and scores, as JSON or drawn onto the image.</summary>
internal static class DetectEndpoint
{
    private const string Example = """
        {
          "model": {"name": "yolo11n", "version": "1", "task": "detect", "family": "yolov8"},
          "image": {"width": 1920, "height": 1080},
          "predictions": [
            {"label": "dog", "class_id": 16, "score": 0.912, "box": {"xmin": 10.5, "ymin": 20.1, "xmax": 300.0, "ymax": 410.7}}
          ],
          "timings_ms": {"decode": 2.1, "preprocess": 0.8, "queue": 0.1, "inference": 3.2, "postprocess": 0.3, "total": 7.0}
        }
        """;

    public static TaskEndpoint<DetectRequest, DetectResult, DetectResponse> Create() =>
        new(DetectCall.Call, ContractsJson.Readable.DetectResponse, Example, DetectCall.Answer);
}
