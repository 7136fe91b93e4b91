using System.Text.RegularExpressions;
using VisionService.Repository.SideFiles;

namespace VisionService.Repository;

/// <summary>One version of a model as it lies on the disk, before its graph is read.</summary>
/// <param name="Onnx">The graph; null where there is none, and then <paramref name="Problem"/> says so.</param>
/// <param name="Manifest">Its <c>vision.yaml</c>, where there is one.</param>
/// <param name="Labels">A label file that lies where one is looked for.</param>
internal sealed partial record ModelFiles(
    string Name, string? Onnx, string? Manifest, string? Labels, string? Problem = null)
{
    private static readonly string[] LabelNames = ["labels.txt", "labels.json", "class_indices.json", "classes.txt"];

    // What only the folder of one model holds. Not config.json: OpenVINO's server has one over a folder of models.
    private static readonly string[] Marks =
    [
        Repository.Manifest.FileName, "model.onnx", TritonConfig.FileName, HuggingFaceProcessor.FileName,
        PaddleConfig.FileName, MmdeployPipeline.FileName,
    ];

    /// <summary>"1" where the model has no folders of versions.</summary>
    public string Version { get; init; } = "1";

    /// <summary>The folder that is this model's alone; null for a file among others.</summary>
    public string? Folder { get; init; }

    /// <summary>The file or folder that is this model's: what is watched.</summary>
    public string Place => Folder ?? Onnx!;

    /// <summary>What lies in the folder and is left aside.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Finds the models in a path: an ONNX file, the folder of one model, or a folder of both. A model of
    /// several versions is there once for each that its policy keeps, the highest first.</summary>
    /// <exception cref="ModelLoadException">The path does not exist.</exception>
    public static IReadOnlyList<ModelFiles> Discover(string path)
    {
        if (File.Exists(path))
        {
            return [FromFile(path)];
        }

        if (!Directory.Exists(path))
        {
            throw new ModelLoadException($"There is no model folder '{path}'.");
        }

        return IsModel(path)
            ? [.. FromFolder(path)]
            : [.. FolderLayout.OnnxFiles(path).Select(FromFile), .. FolderLayout.Folders(path).SelectMany(FromFolder)];
    }

    /// <summary>Whether a text can be a model's name: it appears in URLs and metrics, and beside the names of
    /// files.</summary>
    public static bool IsName(string text) => NamePattern().IsMatch(text) && text.Trim('.').Length > 0;

    /// <summary>A file of this name that belongs to the model: beside the graph, else in the model's folder. Null where
    /// there is none; a graph among others has none.</summary>
    public string? Find(string file) => Folder is null ? null
        : Existing(Path.Combine(Path.GetDirectoryName(Onnx) ?? Folder, file)) ?? Existing(Path.Combine(Folder, file));

    /// <summary>The path of a file that another names.</summary>
    /// <param name="source">Where it is named, for messages, and under which <paramref name="key"/>.</param>
    /// <exception cref="ModelLoadException">The name leaves the folder.</exception>
    public string Beside(string source, string key, string file) =>
        Path.GetFileName(file) != file || file.Contains('\\', StringComparison.Ordinal)
            ? throw new ModelLoadException(
                $"{source}: '{key}' names the file '{file}'; it must lie beside {Here(source)}.")
            : Find(file) ?? Path.Combine(Folder ?? Path.GetDirectoryName(Manifest ?? Onnx)!, file);

    private static string Here(string source) => source == Repository.Manifest.FileName ? "the manifest" : source;

    /// <summary>Whether a folder is that of one model.</summary>
    public static bool IsModel(string folder) => Marks.Any(mark => Path.Exists(Path.Combine(folder, mark)))
        || (File.Exists(Path.Combine(folder, HuggingFaceConfig.FileName))
            && Directory.Exists(Path.Combine(folder, FolderLayout.Subfolder)))
        || FolderLayout.HoldsVersionsAlone(folder);

    private static ModelFiles FromFile(string path)
    {
        var stem = Path.Combine(Path.GetDirectoryName(path)!, Path.GetFileNameWithoutExtension(path));
        var manifest = Existing($"{stem}.yaml");
        var said = TryRead(manifest, Repository.Manifest.Read);
        return new ModelFiles(
            said?.Name ?? Path.GetFileNameWithoutExtension(path),
            path,
            manifest,
            Existing($"{stem}.txt") ?? Existing($"{stem}.json"),
            said is { File: null, Versions: null } or null ? null
                : $"{said.Source}: 'file' and 'version_policy' are for the folder of a model");
    }

    private static IEnumerable<ModelFiles> FromFolder(string folder)
    {
        // 1. Names, files and versions are said in two places; what is wrong with them is reported by loading.
        var manifest = Existing(Path.Combine(folder, Repository.Manifest.FileName));
        var triton = Existing(Path.Combine(folder, TritonConfig.FileName));
        var own = TryRead(manifest, Repository.Manifest.Read) ?? Repository.Manifest.Empty;
        var told = TryRead(triton, path => TritonConfig.Read(SideText.Read(path, folder)));
        var said = own.Over(told ?? Repository.Manifest.Empty);
        var folderName = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        List<string> notes = said.Name is { } name && own.Name is null && name != folderName
            ? [$"{TritonConfig.FileName} calls it '{name}', its folder '{folderName}'"]
            : [];

        // 2. The graph of each version, or the folder's own.
        var isDeclared = manifest is not null || triton is not null;
        foreach (var (version, place) in FolderLayout.Places(folder, said.Versions ?? VersionPolicy.Default, notes))
        {
            var found = FolderLayout.FindGraph(place, folder, said.File, said.SourceOf(static layer => layer.File));
            if (found is { Onnx: null, IsOfAModel: false } && !isDeclared)
            {
                continue;
            }

            var files = new ModelFiles(said.Name ?? folderName, found.Onnx, manifest, null, found.Problem)
            {
                Version = version,
                Folder = folder,
                Notes = [.. notes, .. found.Notes],
            };
            yield return files with
            {
                Labels = LabelNames.Select(files.Find).FirstOrDefault(static file => file is not null),
                Problem = found.Problem is null ? null : Refusal(triton, folder) ?? found.Problem,
            };
        }
    }

    /// <summary>Where there is no graph, the settings may say why: a model of another backend.</summary>
    private static string? Refusal(string? triton, string folder)
    {
        try
        {
            _ = triton is null ? null : TritonConfig.Read(SideText.Read(triton, folder));
            return null;
        }
        catch (ModelLoadException exception)
        {
            return exception.Message;
        }
    }

    private static Manifest? TryRead(string? file, Func<string, Manifest> read)
    {
        try
        {
            return file is null ? null : read(file);
        }
        catch (ModelLoadException)
        {
            return null;
        }
    }

    private static string? Existing(string file) => File.Exists(file) ? file : null;

    [GeneratedRegex(@"\A[A-Za-z0-9._-]{1,128}\z")]
    private static partial Regex NamePattern();
}
