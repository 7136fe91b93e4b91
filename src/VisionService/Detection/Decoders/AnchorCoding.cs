namespace VisionService.Detection.Decoders;

internal enum ClassActivation
{
    /// <summary>Already probabilities.</summary>
    None,
    Sigmoid,
    Softmax,
}

/// <summary>How a raw YOLO map codes a box against its anchor.</summary>
/// <param name="Classes">What the class numbers still need.</param>
internal sealed record AnchorCoding(ClassActivation Classes)
{
    /// <summary>Sigmoids of x and y are stretched by this around the cell's centre, so that a box can reach the cell's
    /// edge.</summary>
    public IReadOnlyList<float> CenterScales { get; init; } = [1];

    /// <summary>Sides are (2 sigmoid)^2 * anchor; otherwise exp * anchor.</summary>
    public bool HasSquaredSides { get; init; }

    /// <summary>Whether objectness is already a probability.</summary>
    public bool IsObjectnessActivated { get; init; }

    /// <summary>Redmon and Farhadi, YOLO9000, 2016: softmax over classes.</summary>
    public static AnchorCoding YoloV2 { get; } = new(ClassActivation.Softmax);

    /// <summary>Redmon and Farhadi, YOLOv3, 2018: a sigmoid per class.</summary>
    public static AnchorCoding YoloV3 { get; } = new(ClassActivation.Sigmoid);

    /// <summary>The ONNX zoo's export: scores are activated in the graph, boxes are not.</summary>
    public static AnchorCoding YoloV4 { get; } = new(ClassActivation.None)
    {
        CenterScales = [1.2f, 1.1f, 1.05f],
        IsObjectnessActivated = true,
    };

    /// <summary>The maps of YOLOv5 and v7 exported without their grid: 2 sigmoid - 0.5.</summary>
    public static AnchorCoding YoloV5 { get; } = new(ClassActivation.Sigmoid)
    {
        CenterScales = [2],
        HasSquaredSides = true,
    };
}
