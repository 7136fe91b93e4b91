using VisionService.Detection.Decoders;

namespace VisionService.Detection;

/// <summary>What a manifest may say about a detector's head where the file cannot. Null: the family's
/// default.</summary>
internal sealed record DecoderParameters
{
    /// <summary>For each level, finest first, width and height in pixels of each anchor.</summary>
    public float[][]? Anchors { get; init; }

    /// <summary>Pixels of the network's input between cells, finest first.</summary>
    public int[]? Strides { get; init; }

    /// <summary>The id that the model gives to the first label: 1 where 0 means background and the labels do not name
    /// it.</summary>
    public int? FirstClass { get; init; }

    /// <summary>How many mask coefficients follow the classes.</summary>
    public int? MaskCoefficientCount { get; init; }

    /// <summary>How many key points follow the classes.</summary>
    public int? KeyPointCount { get; init; }

    /// <summary>2: x, y; 3 (default): x, y, visibility.</summary>
    public int? KeyPointDimensions { get; init; }

    /// <summary>YOLOv1: boxes per cell. Default 2.</summary>
    public int? BoxesPerCell { get; init; }

    /// <summary>YOLOv1: whether w and h are square roots.</summary>
    public bool HasSquareRoots { get; init; }

    /// <summary>Grid: width and height in pixels of the window that a cell looks at. Default: its share of the
    /// input.</summary>
    public (float Width, float Height)? Window { get; init; }

    /// <summary>Grid: whether softmax and sigmoids are still to be done.</summary>
    public bool HasLogits { get; init; }

    /// <summary>Grid: whether the size is height, width.</summary>
    public bool HasHeightFirst { get; init; }

    /// <summary>SSD: centre and size in 0-1 of each prior, four numbers a row, where the graph does not give
    /// them.</summary>
    public float[]? Priors { get; init; }

    /// <summary>SSD: how offsets move priors.</summary>
    public OffsetCoding? Offsets { get; init; }
}
