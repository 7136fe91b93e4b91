using VisionService.Inference;

namespace VisionService.Repository.SideFiles;

/// <summary>The <c>config.json</c> of a Hugging Face model: what it is for and what its classes are called.</summary>
internal static class HuggingFaceConfig
{
    public const string FileName = "config.json";

    // What the name of a class says that a checkpoint was saved for, such as DetrForObjectDetection.
    private static readonly (string Architecture, string Task)[] Tasks =
    [
        ("ForObjectDetection", "detect"),
        ("ForImageClassification", "classify"),
        ("ForSemanticSegmentation", "segment"),
        ("ForInstanceSegmentation", "segment"),
        ("ForUniversalSegmentation", "segment"),
        ("ForSegmentation", "segment"),
    ];

    private static readonly HashSet<string> Detectors = new(StringComparer.Ordinal)
    {
        "detr", "yolos", "table-transformer", "rt_detr", "rt_detr_v2", "d_fine", "deformable_detr", "conditional_detr",
        "dab-detr", "deta",
    };

    private static readonly HashSet<string> Segmenters = new(StringComparer.Ordinal)
    {
        "segformer", "mask2former", "maskformer", "oneformer", "upernet",
    };

    /// <exception cref="ModelLoadException">A value is not what it should be.</exception>
    public static Manifest Read(SideSection config)
    {
        var type = config.Text("model_type");
        var warnings = new List<string>();
        if (type is null && !config.Has("architectures") && !config.Has("id2label"))
        {
            return Manifest.Empty with
            {
                Source = FileName,
                Warnings = ["ignored: it is not in Hugging Face's form, nor in timm's"],
            };
        }

        var task = Task(config, type);
        return Manifest.Empty with
        {
            Source = FileName,
            Task = task,
            ModelType = type,
            Labels = Labels(config, warnings),
            Input = Manifest.Empty.Input with { OpenSize = task == "classify" ? Size(config) : null },
            Output = Manifest.Empty.Output with
            {
                Activation = config.Text("problem_type") == "multi_label_classification"
                    ? ScoreActivation.Sigmoid
                    : null,
            },
            Warnings = warnings,
        };
    }

    private static string? Task(SideSection config, string? type)
    {
        foreach (var architecture in config.Texts("architectures") ?? [])
        {
            var known = Array.Find(Tasks, task => architecture.Contains(task.Architecture, StringComparison.Ordinal));
            if (known.Task is not null)
            {
                return known.Task;
            }
        }

        return type is null ? null : Detectors.Contains(type) ? "detect" : Segmenters.Contains(type) ? "segment" : null;
    }

    /// <summary>Null for <c>LABEL_0</c>, <c>LABEL_1</c>, ..., which stand where nobody gave names.</summary>
    private static ManifestLabels? Labels(SideSection config, List<string> warnings)
    {
        if (config.Section("id2label")?.NamesById() is not { Count: > 0 } names)
        {
            return null;
        }

        if (config.Integer("num_labels", 0, int.MaxValue) is { } count && count != names.Count)
        {
            warnings.Add($"'num_labels' is {count}, but 'id2label' names {names.Count}");
        }

        return names.Select(static (name, id) => name == $"LABEL_{id}").All(static isDefault => isDefault)
            ? null
            : new ManifestLabels(names, null, "id2label");
    }

    /// <summary>The side of a square, or height and width.</summary>
    private static (int Width, int Height)? Size(SideSection config) => config.Numbers("image_size", 1, 16384) switch
    {
        [var side] => ((int)side, (int)side),
        [var height, var width] => ((int)width, (int)height),
        _ => null,
    };
}
