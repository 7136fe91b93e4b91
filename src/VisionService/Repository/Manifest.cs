using VisionService.Detection;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository.SideFiles;
using VisionService.Segmentation;

namespace VisionService.Repository;

/// <summary>What is said of a model, in the words of <c>vision.yaml</c>; null where nothing is said. The files of other
/// tools beside a model are read into the same words, and <see cref="Over"/> lays one over the other.</summary>
/// <param name="File">The graph among several, by its path in the folder.</param>
internal sealed record Manifest(
    string? Name,
    string? Task,
    string? Family,
    ManifestLabels? Labels,
    ManifestInput Input,
    ManifestOutput Output,
    ManifestBatching Batching,
    string? File,
    VersionPolicy? Versions)
{
    public const string FileName = "vision.yaml";

    public static Manifest Empty { get; } = Parse("", FileName);

    /// <summary>Where this is said, as evidence and messages name it: a file, as a rule.</summary>
    public required string Source { get; init; }

    /// <summary>How the golden samples are compared; vision.yaml alone says it.</summary>
    public ManifestGolden Golden { get; init; } = new(ManifestGolden.DefaultTolerance);

    /// <summary>The <c>model_type</c> of Hugging Face.</summary>
    public string? ModelType { get; init; }

    /// <summary>The names that the graph's inputs and outputs must have.</summary>
    public ManifestTensors? Tensors { get; init; }

    /// <summary>What Ultralytics' exporter says, by its own keys.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>What of a file was left aside or read with a grain of salt, for whoever put it there.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What this is made of, the first word first.</summary>
    public IReadOnlyList<Manifest> Layers
    {
        get => field ?? [this];
        init;
    }

    /// <exception cref="ModelLoadException">The file cannot be read, or a key or value is not one there is.</exception>
    public static Manifest Read(string path) =>
        Parse(SideText.Read(path, Path.GetDirectoryName(Path.GetFullPath(path))!), Path.GetFileName(path));

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
            ManifestBatching.Read(yaml.Section("batching"), yaml.Section("instances")),
            yaml.Text("file"),
            VersionPolicy.Read(yaml, "version_policy"))
        {
            Source = file,
            Golden = ManifestGolden.Read(yaml.Section("golden")),
        };
        yaml.End();
        return manifest;
    }

    /// <summary>This, and what lies below where this says nothing.</summary>
    public Manifest Over(Manifest below) => new(
        Name ?? below.Name,
        Task ?? below.Task,
        Family ?? below.Family,
        Labels ?? below.Labels,
        Input.Over(below.Input),
        Output.Over(below.Output),
        Batching.Over(below.Batching),
        File ?? below.File,
        Versions ?? below.Versions)
    {
        Source = Source,
        ModelType = ModelType ?? below.ModelType,
        Tensors = Tensors ?? below.Tensors,
        Metadata = Metadata ?? below.Metadata,
        Layers = [.. Layers, .. below.Layers],
    };

    /// <summary>Who says a thing: the first layer that has it; the first of all where none has.</summary>
    public string SourceOf(Func<Manifest, object?> key) => (Layers.FirstOrDefault(layer => key(layer) is not null) ?? this).Source;
}

/// <summary>Inputs and outputs by name; those that a file does not list may be there too.</summary>
internal sealed record ManifestTensors(IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs);

/// <summary>The labels themselves, or the file beside the manifest that holds them.</summary>
/// <param name="Key">What the file that says so calls them.</param>
internal sealed record ManifestLabels(IReadOnlyList<string>? Names, string? File, string Key = "labels")
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
/// <param name="Shortest">Length of the shorter side before the crop of <c>shortest-crop</c>; with
/// <paramref name="Longest"/>, what a letterbox brings it to.</param>
/// <param name="Longest">What the longer side of a letterbox may not pass.</param>
/// <param name="Mean">In the order of the model's channels, in units of <c>pixel * scale</c>.</param>
/// <param name="MultipleOf">What the sides must be multiples of, where the file leaves them open.</param>
/// <param name="Layout">Whether channels come last; null: seen from the shape.</param>
internal sealed record ManifestInput(
    InputPreset? Preset,
    (int Width, int Height)? Size,
    ResizeMode? Resize,
    int? Shortest,
    int? Longest,
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
    /// <summary>Width and height where the file leaves them open; unlike <see cref="Size"/> no contradiction where it fixes
    /// others.</summary>
    public (int Width, int Height)? OpenSize { get; init; }

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
            yaml.Integer("longest", 1, 16384),
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

    /// <summary>This, and what lies below where this says nothing. The normalisation is one word, and so is where pixels
    /// go: half of each from two files would be neither's.</summary>
    public ManifestInput Over(ManifestInput below)
    {
        var pixels = Preset is null && Scale is null && Mean is null && Std is null ? below : this;
        var isOtherWay = (Resize is not null && Resize != below.Resize) || (Size is not null && Size != below.Size);
        var way = isOtherWay ? this : below;
        return new ManifestInput(
            pixels.Preset,
            Size ?? below.Size,
            Resize ?? below.Resize,
            Shortest ?? way.Shortest,
            Longest ?? way.Longest,
            Pad ?? way.Pad,
            Align ?? way.Align,
            MultipleOf ?? below.MultipleOf,
            Interpolation ?? below.Interpolation,
            Antialias ?? below.Antialias,
            Color ?? (Preset is null ? below.Color : null),
            Invert ?? below.Invert,
            pixels.Scale,
            pixels.Mean,
            pixels.Std,
            Layout ?? below.Layout)
        {
            OpenSize = OpenSize ?? below.OpenSize,
        };
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

    /// <summary>This, and what lies below where this says nothing.</summary>
    public ManifestOutput Over(ManifestOutput below) => new(
        Scores ?? below.Scores,
        Activation ?? below.Activation,
        Background ?? below.Background,
        LabelOffset ?? below.LabelOffset,
        MinScore ?? below.MinScore,
        MinScoreByLabel.Count > 0 ? MinScoreByLabel : below.MinScoreByLabel,
        MaxIoU ?? below.MaxIoU,
        Suppression ?? below.Suppression,
        ChoosesInGraph ?? below.ChoosesInGraph,
        Anchors ?? below.Anchors,
        Strides ?? below.Strides,
        Priors ?? below.Priors,
        Merging ?? below.Merging);
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

    /// <summary>This, and what lies below where this says nothing.</summary>
    public ManifestBatching Over(ManifestBatching below) => new(
        MaxBatchSize ?? below.MaxBatchSize,
        MaxQueueDelay ?? below.MaxQueueDelay,
        MaxQueueSize ?? below.MaxQueueSize,
        MaxQueueWait ?? below.MaxQueueWait,
        MaxRunTime ?? below.MaxRunTime,
        CpuInstances ?? below.CpuInstances,
        CudaInstances ?? below.CudaInstances);

    private static TimeSpan? Milliseconds(YamlSection yaml, string key, double least, double most) =>
        yaml.Number(key, least, most) is { } said ? TimeSpan.FromMilliseconds(said) : null;

    private static int? Instances(YamlSection yaml, string key) => yaml.Text(key) == "auto" ? null : yaml.Integer(key, 1, 256);
}
