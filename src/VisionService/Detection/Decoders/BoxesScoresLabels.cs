using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// The final detections as parallel tensors: boxes <c>[.., n, 4]</c>, scores <c>[.., n]</c>, labels <c>[.., n]</c>,
/// some with a count. torchvision, Faster R-CNN and SSD-12 of the ONNX zoo, TensorFlow Object Detection, EfficientNMS,
/// RT-DETR, D-FINE and DEIM upstream, SuperGradients; and mmdeploy, whose boxes <c>[.., n, 5]</c> end in the score.
/// </summary>
/// <remarks>
/// RT-DETR's boxes are in pixels of its input <c>orig_target_sizes</c>: bound to the network's own size, they are the
/// input's.
/// </remarks>
/// <param name="scores">Null where the score is the fifth column of the boxes.</param>
/// <param name="labels">Class ids, as floats or integers.</param>
internal sealed class BoxesScoresLabels(int boxes, int? scores, NumericOutput labels) : IDetectionDecoder
{
    /// <summary>How many rows count; null where all do.</summary>
    public NumericOutput? Length { get; init; }

    /// <summary>What x and y are multiplied by to be pixels: the input's sides where boxes are 0-1.</summary>
    public (float X, float Y) Scale { get; init; } = (1, 1);

    /// <summary>Whether corners are ymin, xmin, ymax, xmax; otherwise xmin, ymin, xmax, ymax.</summary>
    public bool HasYFirst { get; init; }

    /// <summary>The id that the model gives to the first label.</summary>
    public int FirstClass { get; init; }

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var corners = outputs.Floats(boxes);
        var probabilities = scores is { } index ? outputs.Floats(index) : [];
        var rowLength = (int)outputs.Shape(boxes)[^1];
        var count = corners.Length / rowLength;
        if (Length is { } length)
        {
            count = (int)Math.Clamp(length.At(outputs, 0), 0, count);
        }

        for (var i = 0; i < count; i++)
        {
            var at = corners.Slice(i * rowLength, rowLength);
            var box = HasYFirst ? new Box(at[1], at[0], at[3], at[2]) : new Box(at[0], at[1], at[2], at[3]);
            box = new Box(box.XMin * Scale.X, box.YMin * Scale.Y, box.XMax * Scale.X, box.YMax * Scale.Y);
            var score = scores is null ? at[4] : probabilities[i];
            into.Add(box, (int)labels.At(outputs, i) - FirstClass, score, i);
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId) =>
        [scores is { } list ? new(list, row, 1) : new(boxes, (row * (int)outputs.Shape(boxes)[^1]) + 4, 1)];
}

/// <summary>An output of whole numbers, which exporters store as integers or as floats.</summary>
internal readonly record struct NumericOutput(int Index, bool IsInteger)
{
    public long At(ModelOutputs outputs, int index) =>
        IsInteger ? outputs.Integers(Index)[index] : (long)MathF.Round(outputs.Floats(Index)[index]);
}
