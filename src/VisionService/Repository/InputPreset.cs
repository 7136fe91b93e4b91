namespace VisionService.Repository;

/// <summary>The order of a model's channels.</summary>
internal enum InputColor
{
    Rgb,
    Bgr,
    Gray,
}

/// <summary>
/// A named normalisation: the network sees <c>(pixel * Scale - Mean) / Std</c>, pixels 0-255, means and deviations in
/// the order of the model's channels; empty lists stand for 0 and 1.
/// </summary>
internal readonly record struct InputPreset(
    string Name, InputColor Color, double Scale, IReadOnlyList<double> Mean, IReadOnlyList<double> Std)
{
    private static readonly double[] ImageNetMean = [0.485, 0.456, 0.406];
    private static readonly double[] ImageNetStd = [0.229, 0.224, 0.225];

    /// <summary>0..255 as they are.</summary>
    public static InputPreset Raw { get; } = new("raw", InputColor.Rgb, 1, [], []);

    /// <summary>0..1.</summary>
    public static InputPreset Unit { get; } = new("unit", InputColor.Rgb, 1.0 / 255, [], []);

    /// <summary>ImageNet's mean and deviation, as in torchvision and most of timm.</summary>
    public static InputPreset Torchvision { get; } =
        new("torchvision", InputColor.Rgb, 1.0 / 255, ImageNetMean, ImageNetStd);

    /// <summary>The presets by name. Keras' are the modes of its <c>preprocess_input</c>.</summary>
    public static IReadOnlyList<InputPreset> All { get; } =
    [
        Torchvision,
        Unit,
        Raw,
        new("keras-tf", InputColor.Rgb, 1 / 127.5, [1], []),
        new("keras-caffe", InputColor.Bgr, 1, [103.939, 116.779, 123.68], []),
        Torchvision with { Name = "keras-torch" },
    ];
}
