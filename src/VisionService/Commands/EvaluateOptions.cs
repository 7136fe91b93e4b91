using System.ComponentModel.DataAnnotations;

namespace VisionService.Commands;

/// <summary>What <c>evaluate</c> measures; section <c>Evaluate</c>.</summary>
internal sealed class EvaluateOptions
{
    /// <summary>The model to measure; default: the task's.</summary>
    public string? Model { get; init; }

    /// <summary>COCO's <c>instances.json</c>.</summary>
    public string? Coco { get; init; }

    /// <summary>The folder with the images.</summary>
    public string? Images { get; init; }

    /// <summary>The folder with the label maps: PNGs of grey or palette pixels, named as their images.</summary>
    public string? LabelMaps { get; init; }

    /// <summary>Which label stands for which class, such as <c>3=road,*=background</c>. Default: labels are
    /// ids.</summary>
    public string? Map { get; init; }

    /// <summary>Predicted classes that count as another, such as <c>mark=road</c>.</summary>
    public string? Merge { get; init; }

    /// <summary>The label whose pixels do not count. Default 255, as in Pascal VOC.</summary>
    [Range(0, 255)]
    public int Void { get; init; } = 255;

    /// <summary>Lowest score that counts. Default 0.001: average precision wants the doubtful ones too.</summary>
    [Range(0.0, 1.0)]
    public double MinScore { get; init; } = 0.001;

    /// <summary>Overlap above which two boxes are one object. Default: the model's, else 0.7, as Ultralytics
    /// measures.</summary>
    [Range(0.0, 1.0)]
    public double? MaxIoU { get; init; }
}
