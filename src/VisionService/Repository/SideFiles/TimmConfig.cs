using VisionService.Imaging;

namespace VisionService.Repository.SideFiles;

/// <summary>The <c>config.json</c> of timm's models on the Hub, whose <c>pretrained_cfg</c> is the recipe of the
/// evaluation.</summary>
/// <remarks>huggingface/pytorch-image-models, timm/data/transforms_factory.py.</remarks>
internal static class TimmConfig
{
    private const string Key = "pretrained_cfg";

    private static readonly Dictionary<string, Interpolation> Interpolations = new(StringComparer.Ordinal)
    {
        ["nearest"] = Interpolation.Nearest,
        ["bilinear"] = Interpolation.Bilinear,
        ["bicubic"] = Interpolation.Bicubic,
        ["lanczos"] = Interpolation.Lanczos3,
        ["box"] = Interpolation.Area,
    };

    public static bool IsTimm(SideSection config) => config.Section(Key) is not null;

    /// <exception cref="ModelLoadException">A value is not what it should be.</exception>
    public static Manifest Read(SideSection config)
    {
        var recipe = config.Section(Key)!.Value;
        var warnings = new List<string>();
        var labels = recipe.Texts("label_names") ?? config.Texts("label_names");
        return Manifest.Empty with
        {
            Source = HuggingFaceConfig.FileName,
            Task = "classify",
            Labels = labels is { Count: > 0 } ? new ManifestLabels(labels, null, "label_names") : null,
            Input = PixelSteps.None.Times(1.0 / 255).Normalize(recipe, "mean", "std").Over(Geometry(recipe, warnings)),
            Warnings = warnings,
        };
    }

    private static ManifestInput Geometry(SideSection recipe, List<string> warnings)
    {
        var input = Manifest.Empty.Input with
        {
            Antialias = true,
            Interpolation = recipe.Text("interpolation") is not { } name ? null
                : Interpolations.TryGetValue(name, out var known) ? known
                : Warn(warnings, $"'interpolation' is '{name}', which is not known here"),
        };
        if (recipe.Numbers("input_size", 1, 16384) is not [_, var height, var width])
        {
            return input;
        }

        // Rounded down, as timm does; 224 / 0.875 is 256 on the spot.
        var part = recipe.Number("crop_pct", 0.01, 1) ?? 0.875;
        var shortest = (int)Math.Floor(Math.Min(width, height) / part);
        input = input with { Size = ((int)width, (int)height) };
        switch (recipe.Text("crop_mode") ?? "center")
        {
            case "center":
                return input with { Resize = ResizeMode.ShortestCrop, Shortest = shortest };

            case "squash" when part == 1:
                return input with { Resize = ResizeMode.Stretch };

            case "squash":
                warnings.Add(
                    "'crop_mode' stretches before it cuts; here the shorter side is resized and the ratio kept");
                return input with { Resize = ResizeMode.ShortestCrop, Shortest = shortest };

            case "border":
                return input with { Resize = ResizeMode.Letterbox, Pad = Grey(recipe) };

            case var other:
                warnings.Add($"'crop_mode' is '{other}', which is not known here");
                return input;
        }
    }

    /// <summary>timm fills the border with the mean of the training set.</summary>
    private static int Grey(SideSection recipe)
    {
        var mean = recipe.Numbers("mean", -1e6, 1e6) ?? [];
        return (int)Math.Clamp(Math.Round(255 * mean.DefaultIfEmpty(0).Average()), 0, 255);
    }

    private static Interpolation? Warn(List<string> warnings, string warning)
    {
        warnings.Add(warning);
        return null;
    }
}
