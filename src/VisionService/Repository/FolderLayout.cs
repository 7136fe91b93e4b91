using VisionService.Repository.SideFiles;

namespace VisionService.Repository;

/// <summary>Where in a model's folder its graph lies: at the top, below <c>onnx/</c>, or in numbered
/// versions.</summary>
internal static class FolderLayout
{
    /// <summary>Where the Hub keeps the ONNX files of a model.</summary>
    public const string Subfolder = "onnx";

    private const string Usual = "model.onnx";

    // What exporters make of one model, the most faithful first; each may stand alone under its own name.
    private static readonly string[] Variants =
    [
        Usual, "end2end.onnx", "model_fp32.onnx", "model_optimized.onnx", "model_fp16.onnx", "model_quantized.onnx",
        "model_int8.onnx", "model_uint8.onnx", "model_q4f16.onnx", "model_q4.onnx", "model_bnb4.onnx",
    ];

    // Models in other formats, by a file that gives them away.
    private static readonly (string Pattern, string Format)[] OtherFormats =
    [
        ("*.xml", "an OpenVINO model"), ("*.engine", "a TensorRT engine"), ("*.plan", "a TensorRT engine"),
        ("*.tflite", "a TensorFlow Lite model"), ("saved_model.pb", "a TensorFlow model"),
        ("*.safetensors", "PyTorch weights"), ("*.pt", "a PyTorch model"), ("*.pth", "PyTorch weights"),
        ("*.pdmodel", "a Paddle model"), ("*.mlmodel", "a Core ML model"),
    ];

    /// <summary>What was found for one version.</summary>
    /// <param name="IsOfAModel">Whether the folder is a model's at all, though of a kind that cannot be served.</param>
    internal sealed record Found(string? Onnx, string? Problem, bool IsOfAModel, IReadOnlyList<string> Notes);

    public static List<string> OnnxFiles(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.onnx").Order(StringComparer.Ordinal)];

    /// <summary>The folders in a folder, but for hidden ones: version control, caches, and the copies that Kubernetes
    /// keeps of what it mounts.</summary>
    public static IEnumerable<string> Folders(string folder) => Directory.EnumerateDirectories(folder)
        .Where(static path => !Path.GetFileName(path).StartsWith('.'))
        .Order(StringComparer.Ordinal);

    /// <summary>Whether a folder holds nothing but versions, and so is itself a model.</summary>
    public static bool HoldsVersionsAlone(string folder) => OnnxFiles(folder).Count == 0
        && Folders(folder).ToArray() is { Length: > 0 } folders
        && Array.TrueForAll(folders, static path => VersionPolicy.IsVersion(Path.GetFileName(path)))
        && Array.Exists(folders, HoldsGraph);

    /// <summary>The versions to serve and their folders, the highest first; "1" and the folder itself where it has no
    /// versions.</summary>
    public static IReadOnlyList<(string Version, string Folder)> Places(
        string folder, VersionPolicy policy, List<string> notes)
    {
        var names = Folders(folder).Select(static path => Path.GetFileName(path)!).ToArray();
        var versions = names.Where(VersionPolicy.IsVersion).ToArray();
        var hasOwn = OnnxFiles(folder).Count > 0 || Directory.Exists(Path.Combine(folder, Usual));
        if (versions.Length == 0 || hasOwn || !versions.Any(version => HoldsGraph(Path.Combine(folder, version))))
        {
            return [("1", folder)];
        }

        if (names.Where(IsLikeVersion).ToArray() is { Length: > 0 } others)
        {
            notes.Add(
                $"ignored: {string.Join(", ", others)}; a version is a whole number from 1 on, without zeros in front");
        }

        return [.. policy.Choose(versions).Select(version => (version, Path.Combine(folder, version)))];
    }

    /// <summary>The graph in a place: the file that is named, else <c>model.onnx</c>, else the only one, else the most
    /// faithful of an exporter's variants.</summary>
    /// <param name="place">The folder of a version, or the model's own.</param>
    /// <param name="folder">The model's own, which nothing may leave.</param>
    /// <param name="source">Who names the file.</param>
    public static Found FindGraph(string place, string folder, string? named, string source)
    {
        if (!Directory.Exists(place))
        {
            return Refused($"there is no version '{Path.GetFileName(place)}'");
        }

        var inner = Path.Combine(place, Subfolder);
        if (named is not null)
        {
            return Named(place, inner, folder, named, source);
        }

        var files = OnnxFiles(place);
        if (files.Count == 0 && Directory.Exists(Path.Combine(place, Usual)))
        {
            files = OnnxFiles(Path.Combine(place, Usual)); // Triton: the graph and its external data in a folder
        }

        if (files.Count == 0 && Directory.Exists(inner))
        {
            files = OnnxFiles(inner);
        }

        return files.Count == 0 ? Without(place)
            : Best(files) is not { } best ? Refused(
                $"the folder holds {files.Count} .onnx files and none is named {Usual}; 'file' in vision.yaml can name one")
            : new Found(best, null, true, Left(files, best));
    }

    private static string? Best(List<string> files)
    {
        var byName = files.ToDictionary(static file => Path.GetFileName(file), StringComparer.Ordinal);
        return files.Count == 1 ? files[0]
            : byName.TryGetValue(Usual, out var usual) ? usual
            : byName.Keys.All(Variants.Contains) ? byName[Variants.First(byName.ContainsKey)]
            : null;
    }

    private static string[] Left(List<string> files, string best)
    {
        var others = files.Where(file => file != best).Select(Path.GetFileName).ToArray();
        return others.Length == 0
            ? []
            : [$"{Path.GetFileName(best)} is served; left aside: {string.Join(", ", others)}"];
    }

    private static Found Named(string place, string inner, string folder, string named, string source)
    {
        if (Path.IsPathRooted(named) || named.Split('/', '\\').Contains(".."))
        {
            return Refused($"{source} names the file '{named}'; it must lie in the model's folder");
        }

        var direct = Path.Combine(place, named);
        var path = File.Exists(direct) ? direct : Path.Combine(inner, named);
        return !File.Exists(path) ? Refused($"{source} names the file '{named}', which is not there")
            : !SideText.IsInside(path, folder) ? Refused($"'{named}' is a link that leads out of the model's folder")
            : new Found(path, null, true, []);
    }

    private static Found Without(string place)
    {
        foreach (var (pattern, format) in OtherFormats)
        {
            // An .xml alone may be anything; OpenVINO's has its weights beside it.
            var found = Directory.EnumerateFiles(place, pattern).Order(StringComparer.Ordinal)
                .FirstOrDefault(path => pattern != "*.xml" || File.Exists(Path.ChangeExtension(path, ".bin")));
            if (found is not null)
            {
                return Refused(
                    $"the folder holds {format} ({Path.GetFileName(found)}) and no .onnx file: export it to ONNX");
            }
        }

        return new Found(null, "the folder holds no .onnx file", false, []);
    }

    private static Found Refused(string problem) => new(null, problem, true, []);

    private static bool HoldsGraph(string folder) => OnnxFiles(folder).Count > 0
        || Directory.Exists(Path.Combine(folder, Usual))
        || Directory.Exists(Path.Combine(folder, Subfolder));

    // "01", "v2": perhaps meant as a version.
    private static bool IsLikeVersion(string folder) => !VersionPolicy.IsVersion(folder) && folder.Length <= 20
        && folder.TrimStart('v', 'V').All(char.IsAsciiDigit);
}
