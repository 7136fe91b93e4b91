using VisionService.Imaging;

namespace VisionService.Repository.SideFiles;

/// <summary>PaddleDetection's <c>infer_cfg.yml</c>.</summary>
/// <remarks>PaddlePaddle/PaddleDetection, deploy/python/preprocess.py.</remarks>
internal static class PaddleConfig
{
    public const string FileName = "infer_cfg.yml";

    // OpenCV's numbers.
    private static readonly Interpolation[] Interpolations =
    [
        Interpolation.Nearest, Interpolation.Bilinear, Interpolation.Bicubic, Interpolation.Area,
        Interpolation.Lanczos3,
    ];

    /// <exception cref="ModelLoadException">The file is malformed.</exception>
    public static Manifest Read(string text)
    {
        var config = SideSection.OfYaml(text, FileName);
        var warnings = new List<string>();
        var input = Manifest.Empty.Input; // RGB: pictures are turned from OpenCV's BGR
        var pixels = PixelSteps.None;
        foreach (var step in config.Sections("Preprocess"))
        {
            switch (step.Text("type"))
            {
                case "Resize":
                    input = Resize(step, input);
                    break;

                case "LetterBoxResize":
                    input = Resize(step, input) with
                    {
                        Resize = ResizeMode.Letterbox,
                        Shortest = null,
                        Longest = null,
                        Align = LetterboxAlign.Center,
                        Pad = 128,
                    };
                    break;

                case "NormalizeImage":
                    pixels = step.Flag("is_scale") ?? true ? pixels.Times(1.0 / 255) : pixels;
                    pixels = step.Text("norm_type") is null or "mean_std"
                        ? pixels.Normalize(step, "mean", "std")
                        : pixels;
                    break;

                case "PadStride" or "PadBatch":
                    var stride = step.Integer("stride", -1, 1024) ?? step.Integer("pad_to_stride", -1, 1024);
                    input = input with { MultipleOf = stride > 0 ? stride : input.MultipleOf };
                    break;

                case "Pad":
                    var fill = step.Numbers("fill_value", 0, 255);
                    input = input with { Pad = fill is [var grey, ..] ? (int)grey : input.Pad };
                    break;

                case "Permute":
                    break; // channels first, as the graph's input shows

                case var other:
                    warnings.Add($"ignored: the step '{other ?? "without a type"}'");
                    break;
            }
        }

        return Manifest.Empty with
        {
            Source = FileName,
            Task = "detect",
            Labels = config.Texts("label_list") is { Count: > 0 } labels
                ? new ManifestLabels(labels, null, "label_list")
                : null,
            Input = config.Has("Preprocess") ? pixels.Over(input) : input,
            Output = Manifest.Empty.Output with { MinScore = config.Number("draw_threshold", 0, 1) },
            Warnings = warnings,
        };
    }

    /// <summary><c>target_size</c> is height and width; with <c>keep_ratio</c> they bound the shorter and the longer
    /// side.</summary>
    private static ManifestInput Resize(SideSection step, ManifestInput input)
    {
        var (height, width) = step.Numbers("target_size", 1, 16384) switch
        {
            [var side] => ((int)side, (int)side),
            [var h, var w] => ((int)h, (int)w),
            _ => throw step.Wrong("target_size", "a side, or height and width"),
        };
        var sampled = input with
        {
            Antialias = false,
            Interpolation = step.Integer("interp", 0, Interpolations.Length - 1) is { } number
                ? Interpolations[number]
                : null,
        };
        return step.Flag("keep_ratio") ?? false
            ? sampled with
            {
                Resize = ResizeMode.Letterbox,
                Shortest = Math.Min(height, width),
                Longest = Math.Max(height, width),
                Align = LetterboxAlign.TopLeft,
                Pad = 0,
            }
            : sampled with { Resize = ResizeMode.Stretch, Size = (width, height) };
    }
}
