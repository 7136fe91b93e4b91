namespace VisionService.Detection;

/// <summary>One object in an image.</summary>
/// <param name="ClassId">Index into the model's labels.</param>
/// <param name="Score">0 to 1.</param>
/// <param name="Box">In pixels of the upright image.</param>
internal sealed record DetectedObject(int ClassId, float Score, Box Box)
{
    /// <summary>In the model's order; empty where the model has none.</summary>
    public IReadOnlyList<KeyPoint> KeyPoints { get; init; } = [];
}

/// <summary>A named point of an object, such as an eye.</summary>
/// <param name="X">Pixels, as the box.</param>
/// <param name="Y">Pixels, as the box.</param>
/// <param name="Score">0 to 1: how visible the point is; 1 where the model does not say.</param>
internal readonly record struct KeyPoint(float X, float Y, float Score);
