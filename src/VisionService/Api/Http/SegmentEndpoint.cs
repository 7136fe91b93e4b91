using VisionService.Api.Calls;
using VisionService.Segmentation;

namespace VisionService.Api.Http;

/// <summary>
/// <c>POST /segment</c>: which pixel belongs to what. <c>image/png</c> is the map itself, its pixel values the class
/// ids or object numbers; <c>image/jpeg</c> shows it over the image.
/// </summary>
internal static class SegmentEndpoint
{
    private const string Example = """
        {
          "model": {"name": "deeplab", "version": "1", "task": "segment", "family": "semantic"},
          "image": {"width": 640, "height": 480},
          "classes": [
            {"class_id": 0, "label": "background", "pixels": 251000, "fraction": 0.817},
            {"class_id": 12, "label": "dog", "pixels": 56200, "fraction": 0.183,
             "mask": {"encoding": "rle", "size": [480, 640], "counts": "oP^1..."}}
          ],
          "timings_ms": {"decode": 2.1, "preprocess": 0.8, "queue": 0.1, "inference": 18.2, "postprocess": 2.3, "total": 24.0}
        }
        """;

    public static TaskEndpoint<SegmentRequest, SegmentResult, SegmentResponse> Create() =>
        new(SegmentCall.Call, ContractsJson.Readable.SegmentResponse, Example, SegmentCall.Answer);
}
