using System.Text.RegularExpressions;

namespace VisionService.Repository;

/// <summary>One model as it lies in a folder, before anything is read.</summary>
/// <param name="Onnx">The graph; null where the folder lacks one, and then <paramref name="Problem"/> says so.</param>
/// <param name="Manifest">Its <c>vision.yaml</c>, where there is one.</param>
/// <param name="Labels">A label file that lies where one is looked for.</param>
internal sealed partial record ModelFiles(string Name, string? Onnx, string? Manifest, string? Labels, string? Problem = null)
{
    private static readonly string[] LabelNames = ["labels.txt", "labels.json"];

    /// <summary>Finds the models in a path: an ONNX file, the folder of one model, or a folder of both.</summary>
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

        if (File.Exists(Path.Combine(path, Repository.Manifest.FileName)) || File.Exists(Path.Combine(path, "model.onnx")))
        {
            return FromFolder(path) is { } own ? [own] : [];
        }

        return
        [
            .. OnnxFiles(path).Select(FromFile),
            .. Directory.EnumerateDirectories(path).Order(StringComparer.Ordinal).Select(FromFolder).OfType<ModelFiles>(),
        ];
    }

    /// <summary>Whether a text can be a model's name: it appears in URLs and metrics.</summary>
    public static bool IsName(string text) => NamePattern().IsMatch(text);

    /// <summary>The path of a file that the manifest names under a key.</summary>
    /// <exception cref="ModelLoadException">The name leaves the manifest's folder.</exception>
    public string BesideManifest(string key, string file) => Path.GetFileName(file) == file
        ? Path.Combine(Path.GetDirectoryName(Manifest!)!, file)
        : throw new ModelLoadException(
            $"{Repository.Manifest.FileName}: '{key}' names the file '{file}'; it must lie beside the manifest.");

    private static ModelFiles FromFile(string path)
    {
        var stem = Path.Combine(Path.GetDirectoryName(path)!, Path.GetFileNameWithoutExtension(path));
        var manifest = Existing($"{stem}.yaml");
        return new ModelFiles(
            NameIn(manifest) ?? Path.GetFileNameWithoutExtension(path),
            path,
            manifest,
            Existing($"{stem}.txt") ?? Existing($"{stem}.json"));
    }

    private static ModelFiles? FromFolder(string folder)
    {
        var files = OnnxFiles(folder);
        var manifest = Existing(Path.Combine(folder, Repository.Manifest.FileName));
        var onnx = Existing(Path.Combine(folder, "model.onnx")) ?? (files.Count == 1 ? files[0] : null);
        var problem = onnx is not null ? null
            : files.Count == 0 ? "the folder holds no .onnx file"
            : $"the folder holds {files.Count} .onnx files and none is named model.onnx";
        return files.Count == 0 && manifest is null ? null : new ModelFiles(
            NameIn(manifest) ?? Path.GetFileName(Path.GetFullPath(folder).TrimEnd(Path.DirectorySeparatorChar)),
            onnx,
            manifest,
            LabelNames.Select(name => Existing(Path.Combine(folder, name))).FirstOrDefault(file => file is not null),
            problem);
    }

    /// <summary>The name that a manifest gives; null where there is none, or where it cannot be read, which loading
    /// will report.</summary>
    private static string? NameIn(string? manifest)
    {
        try
        {
            return manifest is null ? null : Repository.Manifest.Read(manifest).Name;
        }
        catch (ModelLoadException)
        {
            return null;
        }
    }

    private static List<string> OnnxFiles(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.onnx").Order(StringComparer.Ordinal)];

    private static string? Existing(string file) => File.Exists(file) ? file : null;

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    private static partial Regex NamePattern();
}
