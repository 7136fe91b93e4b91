using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// YOLOv3 of the ONNX zoo, suppression in the graph: boxes <c>[1, n, 4]</c> of ymin, xmin, ymax, xmax in pixels, scores
/// <c>[1, classes, n]</c>, and the chosen as integer rows of (image, class, box), <c>[m, 3]</c> or <c>[1, m, 3]</c>,
/// padded with -1.
/// </summary>
/// <remarks>
/// The pixels are those of the model's <c>image_shape</c> input: bound to the network's own height and width, they are
/// the input's. Source: onnx/models, yolov3.
/// </remarks>
internal sealed class YoloV3Selected(int boxes, int scores, int selected) : IDetectionDecoder
{
    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var corners = outputs.Floats(boxes);
        var probabilities = outputs.Floats(scores);
        var rows = outputs.Integers(selected);
        var count = corners.Length / 4;
        for (var i = 0; i + 2 < rows.Length && rows[i] >= 0; i += 3)
        {
            var (classId, row) = ((int)rows[i + 1], (int)rows[i + 2]);
            var box = corners.Slice(row * 4, 4);
            into.Add(
                new Box(box[1], box[0], box[3], box[2]), classId, probabilities[(classId * count) + row], row);
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId) =>
        [new(scores, (classId * (outputs.Floats(boxes).Length / 4)) + row, 1)];
}
