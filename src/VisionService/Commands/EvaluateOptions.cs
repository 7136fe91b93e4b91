using System.ComponentModel.DataAnnotations;

namespace VisionService.Commands;

/// <summary>What <c>evaluate</c> measures; section <c>Evaluate</c>.</summary>
internal sealed class EvaluateOptions
{
    /// <summary>The model to measure; default: the task's.</summary>
    public string? Model { get; init; }

    /// <summary>COCO's <c>instances.json</c>.</summary>
    public string? Coco { get; init; }

    /// <summary>The folder with the images that it names.</summary>
    public string? Images { get; init; }

    /// <summary>Lowest score that counts. Default 0.001: average precision wants the doubtful ones too.</summary>
    [Range(0.0, 1.0)]
    public double MinScore { get; init; } = 0.001;

    /// <summary>Overlap above which two boxes are one object. Default: the model's, else 0.7, as Ultralytics measures.</summary>
    [Range(0.0, 1.0)]
    public double? MaxIoU { get; init; }
}
