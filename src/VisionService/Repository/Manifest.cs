using VisionService.Detection;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Segmentation;

namespace VisionService.Repository;

/// <summary>What a model's <c>vision.yaml</c> says; null where it says nothing.</summary>
internal sealed record Manifest(
    string? Name,
    string? Task,
    string? Family,
    ManifestLabels? Labels,
    ManifestInput Input,
    ManifestOutput Output,
    ManifestBatching Batching)
{
    public const string FileName = "vision.yaml";

    public static Manifest Empty { get; } = Parse("", FileName);

    /// <exception cref="ModelLoadException">The file cannot be read, or a key or value is not one there is.</exception>
    public static Manifest Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), Path.GetFileName(path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelLoadException($"{Path.GetFileName(path)} cannot be read: {exception.Message}", exception);
        }
    }

    /// <param name="file">Shown in messages.</param>
    /// <exception cref="ModelLoadException">With the key, the value and what it may be.</exception>
    public static Manifest Parse(string text, string file)
    {
        var yaml = YamlSection.Parse(text, file);
        var manifest = new Manifest(
            yaml.Text("name"),
            yaml.Text("task"),
            yaml.Text("family"),
            ManifestLabels.Read(yaml),
            ManifestInput.Read(yaml.Section("input")),
            ManifestOutput.Read(yaml.Section("output")),
            ManifestBatching.Read(yaml.Section("batching"), yaml.Section("instances")));
        yaml.End();
        return manifest;
    }
}

/// <summary>The labels themselves, or the file beside the manifest that holds them.</summary>
internal sealed record ManifestLabels(IReadOnlyList<string>? Names, string? File)
{
    public static ManifestLabels? Read(YamlSection yaml)
    {
        if (yaml.Texts("labels") is { } names)
        {
            return names.Count > 0 ? new ManifestLabels(names, null) : throw yaml.Wrong("labels", "a file or a list of names");
        }

        return yaml.Text("labels") is { } file ? new ManifestLabels(null, file) : null;
    }
}

/// <summary>How pixels enter: geometry, and the normalisation <c>(pixel * scale - mean) / std</c> per
/// channel.</summary>
/// <param name="Size">Width and height, needed only where the file leaves them open.</param>
/// <param name="Shortest">Length of the shorter side before the crop of <c>shortest-crop</c>.</param>
/// <param name="Mean">In the order of the model's channels, in units of <c>pixel * scale</c>.</param>
/// <param name="MultipleOf">What the sides must be multiples of, where the file leaves them open.</param>
/// <param name="Layout">Whether channels come last; null: seen from the shape.</param>
internal sealed record ManifestInput(
    InputPreset? Preset,
    (int Width, int Height)? Size,
    ResizeMode? Resize,
    int? Shortest,
    int? Pad,
    LetterboxAlign? Align,
    int? MultipleOf,
    Interpolation? Interpolation,
    bool? Antialias,
    InputColor? Color,
    bool? Invert,
    double? Scale,
    IReadOnlyList<double>? Mean,
    IReadOnlyList<double>? Std,
    bool? Layout)
{
    public static readonly Dictionary<string, ResizeMode> ResizeModes = new()
    {
        ["letterbox"] = ResizeMode.Letterbox,
        ["stretch"] = ResizeMode.Stretch,
        ["shortest-crop"] = ResizeMode.ShortestCrop,
        ["native"] = ResizeMode.Native,
        ["none"] = ResizeMode.None,
    };

    public static readonly Dictionary<string, LetterboxAlign> Alignments = new()
    {
        ["center"] = LetterboxAlign.Center,
        ["topleft"] = LetterboxAlign.TopLeft,
    };

    public static readonly Dictionary<string, Interpolation> Interpolations = new()
    {
        ["linear"] = Imaging.Interpolation.Bilinear,
        ["cubic"] = Imaging.Interpolation.Bicubic,
        ["area"] = Imaging.Interpolation.Area,
        ["nearest"] = Imaging.Interpolation.Nearest,
        ["lanczos"] = Imaging.Interpolation.Lanczos3,
    };

    private static readonly Dictionary<string, InputColor> Colors = new()
    {
        ["rgb"] = InputColor.Rgb,
        ["bgr"] = InputColor.Bgr,
        ["gray"] = InputColor.Gray,
    };

    private static readonly Dictionary<string, bool> Layouts = new() { ["nchw"] = false, ["nhwc"] = true };

    public static ManifestInput Read(YamlSection yaml)
    {
        var input = new ManifestInput(
            yaml.Choice("preset", InputPreset.All.ToDictionary(preset => preset.Name)),
            ReadSize(yaml),
            yaml.Choice("resize", ResizeModes),
            yaml.Integer("shortest", 1, 16384),
            yaml.Integer("pad", 0, 255),
            yaml.Choice("align", Alignments),
            yaml.Integer("multiple_of", 1, 1024),
            yaml.Choice("interpolation", Interpolations),
            yaml.Flag("antialias"),
            yaml.Choice("color", Colors),
            yaml.Flag("invert"),
            yaml.Number("scale", 0, 1e6),
            yaml.Numbers("mean", -1e6, 1e6),
            yaml.Numbers("std", 1e-9, 1e6),
            yaml.Choice("layout", Layouts));
        yaml.End();
        return input;
    }

    /// <summary><c>[width, height]</c>, or one number for a square.</summary>
    private static (int Width, int Height)? ReadSize(YamlSection yaml) => yaml.Numbers("size", 1, 16384) switch
    {
        null => null,
        var sides when sides.Any(side => !double.IsInteger(side)) => throw yaml.Wrong("size", "a side, or [width, height]"),
        [var side] => ((int)side, (int)side),
        [var width, var height] => ((int)width, (int)height),
        _ => throw yaml.Wrong("size", "a side, or [width, height]"),
    };
}

/// <summary>What the outputs are.</summary>
/// <param name="Scores">Name of the output with the class scores; null: the only or the first that fits.</param>
/// <param name="Activation">What the scores still need; null: seen from the graph.</param>
/// <param name="Background">Whether the first class is the background, which labels leave out.</param>
/// <param name="LabelOffset">The id that the model gives to the first label; null: the family's.</param>
/// <param name="MinScore">Lowest score where a request names none, 0-1.</param>
/// <param name="MinScoreByLabel">The same by label.</param>
/// <param name="ChoosesInGraph">Whether a map's best class is chosen in the graph; null: where that is quicker.</param>
/// <param name="Anchors">For each level of a detector, finest first, width and height in pixels of each anchor.</param>
/// <param name="Strides">Pixels of the input between a detector's cells, finest first.</param>
/// <param name="Priors">The file beside the manifest with an SSD's prior boxes.</param>
/// <param name="Merging">What becomes of mask queries; null: a class for each pixel.</param>
/// <param name="MaxIoU">Overlap above which two boxes are one object where a request names none, 0-1.</param>
internal sealed record ManifestOutput(
    string? Scores,
    ScoreActivation? Activation,
    bool? Background,
    int? LabelOffset,
    double? MinScore,
    IReadOnlyDictionary<string, double> MinScoreByLabel,
    double? MaxIoU,
    SuppressionMethod? Suppression,
    bool? ChoosesInGraph,
    IReadOnlyList<IReadOnlyList<double>>? Anchors,
    IReadOnlyList<double>? Strides,
    string? Priors,
    QueryMerging? Merging)
{
    private static readonly Dictionary<string, ScoreActivation> Activations = new()
    {
        ["softmax"] = ScoreActivation.Softmax,
        ["sigmoid"] = ScoreActivation.Sigmoid,
        ["none"] = ScoreActivation.None,
    };

    private static readonly Dictionary<string, bool> Backgrounds = new() { ["first"] = true, ["none"] = false };

    private static readonly Dictionary<string, QueryMerging> Mergings = new()
    {
        ["semantic"] = QueryMerging.Semantic,
        ["instance"] = QueryMerging.Instance,
        ["panoptic"] = QueryMerging.Panoptic,
    };

    private static readonly Dictionary<string, bool> Choosers = new() { ["in-graph"] = true, ["outside"] = false };

    private static readonly Dictionary<string, SuppressionMethod> Suppressions =
        new(SuppressionNames.All) { ["in-graph"] = SuppressionMethod.None };

    public static ManifestOutput Read(YamlSection yaml)
    {
        var output = new ManifestOutput(
            yaml.Text("scores"),
            yaml.Choice("activation", Activations),
            yaml.Choice("background", Backgrounds),
            yaml.Integer("label_offset", 0, 1),
            yaml.Number("conf", 0, 1),
            yaml.Section("per_class_conf").AllNumbers(0, 1),
            yaml.Number("iou", 0, 1),
            yaml.Choice("nms", Suppressions),
            yaml.Choice("argmax", Choosers),
            yaml.NumberLists("anchors", 0, 16384),
            yaml.Numbers("strides", 1, 1024),
            yaml.Text("priors"),
            yaml.Choice("merge", Mergings));
        yaml.End();
        return output;
    }
}

/// <summary>What this model wants of the engine; null: the service's options.</summary>
internal sealed record ManifestBatching(
    int? MaxBatchSize,
    TimeSpan? MaxQueueDelay,
    int? MaxQueueSize,
    TimeSpan? MaxQueueWait,
    TimeSpan? MaxRunTime,
    int? CpuInstances,
    int? CudaInstances)
{
    public static ManifestBatching Read(YamlSection batching, YamlSection instances)
    {
        var read = new ManifestBatching(
            batching.Integer("max", 1, 256),
            Milliseconds(batching, "max_delay_ms", 0, 1000),
            batching.Integer("max_queue", 1, 1_000_000),
            Milliseconds(batching, "max_wait_ms", 1, 600_000),
            Milliseconds(batching, "max_run_ms", 1, 3_600_000),
            Instances(instances, "cpu"),
            Instances(instances, "cuda"));
        batching.End();
        instances.End();
        return read;
    }

    private static TimeSpan? Milliseconds(YamlSection yaml, string key, double least, double most) =>
        yaml.Number(key, least, most) is { } said ? TimeSpan.FromMilliseconds(said) : null;

    private static int? Instances(YamlSection yaml, string key) => yaml.Text(key) == "auto" ? null : yaml.Integer(key, 1, 256);
}
