using System.Globalization;

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
    /// <summary>Whether bytes are turned into 255 - byte first.</summary>
    public bool Invert { get; init; }

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

    /// <summary>One of <see cref="All"/>.</summary>
    public static InputPreset Find(string name) => All.First(preset => preset.Name == name);

    /// <summary>What of a manifest says the same.</summary>
    public string Manifest
    {
        get
        {
            var (scale, mean, std) = (Scale, Mean, Std);
            var named = All.Where(preset => preset.Scale == scale && preset.Mean.SequenceEqual(mean) && preset.Std.SequenceEqual(std))
                .Select(static preset => (InputPreset?)preset).FirstOrDefault();
            var usual = named?.Color ?? InputColor.Rgb;
            var numbers = named is { } like
                ? $"preset: {like.Name}"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"scale: {Scale:G6}, mean: [{Listed(Mean, "0")}], std: [{Listed(Std, "1")}]");
            var color = Color == usual || Color == InputColor.Gray ? "" : $", color: {Color.ToString().ToLowerInvariant()}";
            return $"input: {{{numbers}{color}{(Invert ? ", invert: true" : "")}}}";

            static string Listed(IReadOnlyList<double> values, string none) => values.Count == 0 ? none
                : string.Join(", ", values.Select(static value => value.ToString("G6", CultureInfo.InvariantCulture)));
        }
    }
}
