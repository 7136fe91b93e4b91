using VisionService.Detection.Decoders;

namespace VisionService.Detection;

/// <summary>How strongly a file speaks for a family.</summary>
internal enum Evidence
{
    None,

    /// <summary>The shapes fit, as those of other families may.</summary>
    Possible,

    /// <summary>Metadata, names or shapes that no other family has.</summary>
    Certain,
}

/// <summary>One way of reading a detector's outputs.</summary>
/// <param name="Name">What a manifest calls it.</param>
/// <param name="Reading">How the outputs are read, for the people who have to choose.</param>
internal sealed record DetectorFamily(
    string Name, string Reading, Func<DetectorSignature, Evidence> Fit, Func<DetectorSignature, IDetectionDecoder> Build)
{
    /// <summary>Other names for the same reading.</summary>
    public string[] Aliases { get; init; } = [];

    /// <summary>How many classes the outputs have; null where they do not tell.</summary>
    public Func<DetectorSignature, int?> Classes { get; init; } = static _ => null;

    /// <summary>
    /// Whether the values of a run are those of this reading, for families whose shapes are the same; null where nothing
    /// is known of values.
    /// </summary>
    public Func<DetectorSignature, float[], bool>? Suits { get; init; }

    /// <summary>How duplicates are dropped where the request does not say.</summary>
    public SuppressionMethod Suppression { get; init; } = SuppressionMethod.Class;

    /// <summary>Lowest score where neither request nor manifest says one, 0-1; null: the task's.</summary>
    public float? MinScore { get; init; }

    /// <summary>Overlap of duplicates where neither request nor manifest says one, 0-1; null: the task's.</summary>
    public float? MaxIoU { get; init; }
}
