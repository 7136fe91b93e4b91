using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>Where in a row the corners start (four in a row) and the score and class id stand.</summary>
internal readonly record struct RowLayout(int Corners, int Score, int ClassId)
{
    /// <summary>Whether corners are ymin, xmin, ymax, xmax; otherwise xmin, ymin, xmax, ymax.</summary>
    public bool HasYFirst { get; init; }

    /// <summary>The id that the model gives to the first label.</summary>
    public int FirstClass { get; init; }

    /// <summary>YOLOv10, YOLO26, and older YOLO with <c>nms=True</c>: xyxy, score, class, then extra.</summary>
    public static RowLayout EndToEnd { get; } = new(0, 4, 5);

    /// <summary>YOLOv7 <c>--end2end --max-wh</c>: image, xyxy, class, score.</summary>
    public static RowLayout YoloV7 { get; } = new(1, 6, 5);

    /// <summary>AutoML EfficientDet: image, yxyx, score, class counted from 1.</summary>
    public static RowLayout EfficientDet { get; } = new(1, 5, 6) { HasYFirst = true, FirstClass = 1 };

    /// <summary>effdet in PyTorch: xyxy, score, class counted from 1.</summary>
    public static RowLayout EffDet { get; } = new(0, 4, 5) { FirstClass = 1 };

    /// <summary>Paddle's multiclass_nms3: class, score, xyxy; class -1 where nothing was found.</summary>
    public static RowLayout Paddle { get; } = new(2, 1, 0);

    /// <summary>SuperGradients' flat format: image, xyxy, score, class.</summary>
    public static RowLayout SuperGradients { get; } = new(1, 5, 6);
}

/// <summary>
/// One row per detection, <c>[1, n, columns]</c> or <c>[n, columns]</c>, corners in pixels, class id as a float; rows
/// of zeros are padding. Duplicates are dropped in the graph.
/// </summary>
/// <param name="keyPointCount">Key points after column 5, each of x, y and, with three dimensions, visibility.</param>
internal sealed class DetectionRows(int output, RowLayout layout, int keyPointCount = 0, int keyPointDimensions = 3)
    : IDetectionDecoder
{
    public int KeyPointCount => keyPointCount;

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var values = outputs.Floats(output);
        var rowLength = (int)outputs.Shape(output)[^1];
        for (var i = 0; i < values.Length / rowLength; i++)
        {
            var row = values.Slice(i * rowLength, rowLength);
            var at = row.Slice(layout.Corners, 4);
            var box = layout.HasYFirst ? new Box(at[1], at[0], at[3], at[2]) : new Box(at[0], at[1], at[2], at[3]);
            var classId = (int)MathF.Round(row[layout.ClassId]) - layout.FirstClass;
            var keyPoints = into.Add(box, classId, row[layout.Score], i);
            for (var k = 0; k < keyPoints.Length; k++)
            {
                var point = row[(6 + (k * keyPointDimensions))..];
                keyPoints[k] = new KeyPoint(point[0], point[1], keyPointDimensions > 2 ? point[2] : 1);
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId) =>
        [new(output, (row * (int)outputs.Shape(output)[^1]) + layout.Score, 1)];
}
