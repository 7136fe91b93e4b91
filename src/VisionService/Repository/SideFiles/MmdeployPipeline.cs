using VisionService.Imaging;

namespace VisionService.Repository.SideFiles;

/// <summary>mmdeploy's <c>pipeline.json</c>, and what the model is for from <c>deploy.json</c> and
/// <c>detail.json</c>.</summary>
/// <remarks>open-mmlab/mmdeploy, csrc/mmdeploy/preprocess/transform.</remarks>
internal static class MmdeployPipeline
{
    public const string FileName = "pipeline.json";
    public const string DeployFileName = "deploy.json";
    public const string DetailFileName = "detail.json";

    // What moves data about, or has no say in what the network sees.
    private static readonly string[] Needless =
    [
        "LoadImageFromFile", "LoadAnnotations", "DefaultFormatBundle", "Collect", "ImageToTensor", "ToTensor",
        "PackDetInputs", "PackSegInputs", "PackInputs", "PackClsInputs", "RandomFlip",
    ];

    private static readonly Dictionary<string, Interpolation> Interpolations = new(StringComparer.Ordinal)
    {
        ["nearest"] = Interpolation.Nearest,
        ["bilinear"] = Interpolation.Bilinear,
        ["bicubic"] = Interpolation.Bicubic,
        ["area"] = Interpolation.Area,
        ["lanczos"] = Interpolation.Lanczos3,
    };

    private static readonly Dictionary<string, string> Tasks = new(StringComparer.Ordinal)
    {
        ["Detector"] = "detect",
        ["ObjectDetection"] = "detect",
        ["Classifier"] = "classify",
        ["Classification"] = "classify",
        ["Segmentor"] = "segment",
        ["Segmentation"] = "segment",
        ["InstanceSegmentation"] = "segment",
    };

    /// <exception cref="ModelLoadException">The file is malformed.</exception>
    public static Manifest Read(string text)
    {
        var tasks = SideSection.OfJson(text, FileName).Section("pipeline")?.Sections("tasks").ToArray();
        if (tasks is null)
        {
            return Manifest.Empty with
            {
                Source = FileName,
                Warnings = ["ignored: it has no 'pipeline' as mmdeploy writes it"],
            };
        }

        var warnings = new List<string>();
        var (input, pixels) = (Manifest.Empty.Input, PixelSteps.None);
        foreach (var step in tasks.SelectMany(task => task.Sections("transforms")))
        {
            switch (step.Text("type"))
            {
                case "Resize":
                    input = Resize(step, input, warnings);
                    break;

                case "CenterCrop":
                    input = input with
                    {
                        Size = Sides(step, "crop_size") is [var height, ..] and [.., var width]
                            ? (width, height)
                            : null,
                        Resize = ResizeMode.ShortestCrop,
                    };
                    break;

                case "Pad":
                    input = Pad(step, input);
                    break;

                case "Normalize":
                    pixels = pixels.Normalize(step, "mean", "std");
                    input = input with { Color = step.Flag("to_rgb") ?? true ? null : InputColor.Bgr };
                    break;

                case var other when !Needless.Contains(other):
                    warnings.Add($"ignored: the step '{other ?? "without a type"}'");
                    break;
            }
        }

        var labels = tasks.Select(task => task.Section("params"))
            .Select(said => said?.Texts("labels") ?? said?.Texts("classes"))
            .FirstOrDefault(found => found is { Count: > 1 });
        return Manifest.Empty with
        {
            Source = FileName,
            Labels = labels is null ? null : new ManifestLabels(labels, null, "labels"),
            Input = pixels == PixelSteps.None ? input : pixels.Over(input),
            Warnings = warnings,
        };
    }

    /// <exception cref="ModelLoadException">The file is malformed.</exception>
    public static Manifest ReadDeploy(string text) => ReadTask(text, DeployFileName);

    /// <exception cref="ModelLoadException">The file is malformed.</exception>
    public static Manifest ReadDetail(string text) => ReadTask(text, DetailFileName);

    private static Manifest ReadTask(string text, string file)
    {
        var root = SideSection.OfJson(text, file);
        var task = root.Section("codebase_config")?.Text("task") ?? (root.Has("task") ? root.Literal("task") : null);
        return Manifest.Empty with { Source = file, Task = Tasks.GetValueOrDefault(task ?? "") };
    }

    /// <summary><c>size</c> is width and height; -1 stands for a shorter side alone.</summary>
    private static ManifestInput Resize(SideSection step, ManifestInput input, List<string> warnings)
    {
        var name = step.Text("interpolation");
        if (name is not null && !Interpolations.ContainsKey(name))
        {
            warnings.Add($"'interpolation' is '{name}', which is not known here");
        }

        var resized = input with
        {
            Antialias = step.Text("backend") == "pillow",
            Interpolation = name is not null && Interpolations.TryGetValue(name, out var known) ? known : null,
        };
        return (Sides(step, "size"), step.Flag("keep_ratio") ?? false) switch
        {
            ([var side, -1], _) => resized with { Resize = ResizeMode.ShortestCrop, Shortest = side },
            ([-1, var side], _) => resized with { Resize = ResizeMode.ShortestCrop, Shortest = side },
            ([var width, var height], true) => resized with
            {
                Resize = ResizeMode.Letterbox,
                Shortest = Math.Min(width, height),
                Longest = Math.Max(width, height),
                Align = LetterboxAlign.TopLeft,
            },
            ([var width, var height], false) => resized with { Resize = ResizeMode.Stretch, Size = (width, height) },
            ([var side], _) => resized with { Resize = ResizeMode.Stretch, Size = (side, side) },
            _ => resized,
        };
    }

    private static ManifestInput Pad(SideSection step, ManifestInput input)
    {
        var value = step.Section("pad_val") is { } values
            ? values.Numbers("img", 0, 255)
            : step.Numbers("pad_val", 0, 255);
        return input with
        {
            Pad = value is [var grey, ..] ? (int)grey : input.Pad,
            MultipleOf = step.Integer("size_divisor", 1, 1024) ?? input.MultipleOf,
            Size = Sides(step, "size") is [var width, var height] ? (width, height) : input.Size,
        };
    }

    private static int[]? Sides(SideSection step, string key)
    {
        var sides = step.Numbers(key, -1, 16384);
        return sides is null ? null
            : sides.All(double.IsInteger) && sides.Count is 1 or 2 ? [.. sides.Select(side => (int)side)]
            : throw step.Wrong(key, "one side or two");
    }
}
