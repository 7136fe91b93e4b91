using System.Globalization;
using VisionService.Imaging;

namespace VisionService.Repository.SideFiles;

/// <summary>What Ultralytics' exporter writes about a model: into the file itself, or into <c>metadata.yaml</c> beside
/// it.</summary>
internal static class UltralyticsMetadata
{
    public const string FileName = "metadata.yaml";

    /// <summary>The source of what the graph's file says of itself.</summary>
    public const string InFile = "the file's metadata";

    /// <exception cref="ModelLoadException">The file is malformed, or its names are none.</exception>
    public static Manifest Read(string text)
    {
        var yaml = SideSection.OfYaml(text, FileName);
        var metadata = yaml.Keys.Select(key => (Key: key, Value: yaml.Literal(key)))
            .Where(static pair => pair.Value is not null)
            .ToDictionary(static pair => pair.Key, static pair => pair.Value!, StringComparer.Ordinal);

        // A map as YAML has it; as a text, and as a list, names are Python's like those in the file.
        var names = yaml.Section("names") is { } map ? map.NamesById()
            : yaml.Texts("names") is { Count: > 1 } list ? list
            : Names(metadata, FileName);
        return Read(metadata, names, FileName);
    }

    /// <param name="metadata">The graph's own.</param>
    /// <exception cref="ModelLoadException">It has names, and they cannot be read.</exception>
    public static Manifest Read(IReadOnlyDictionary<string, string> metadata)
    {
        try
        {
            return Read(metadata, Names(metadata, InFile), InFile);
        }
        catch (ModelLoadException exception) when (!metadata.ContainsKey("stride") && !metadata.ContainsKey("author"))
        {
            // Another exporter's 'names', which may mean anything.
            return Read(metadata, null, InFile) with { Warnings = [exception.Message] };
        }
    }

    private static Manifest Read(
        IReadOnlyDictionary<string, string> metadata, IReadOnlyList<string>? names, string source)
    {
        var input = Manifest.Empty.Input with { OpenSize = Size(metadata) };
        var task = metadata.GetValueOrDefault("task") switch
        {
            "detect" or "pose" => "detect",
            "segment" => "segment",
            "classify" => "classify",
            _ => null,
        };
        return Manifest.Empty with
        {
            Source = source,
            Task = task,
            Labels = names is { Count: > 0 } ? new ManifestLabels(names, null, "names") : null,

            // Of detectors the family knows how.
            Input = task == "classify"
                ? input with { Preset = InputPreset.Unit, Resize = ResizeMode.ShortestCrop, Antialias = true }
                : input,
            Metadata = metadata,
        };
    }

    /// <summary>Height and width, as <c>[640, 640]</c>.</summary>
    private static (int Width, int Height)? Size(IReadOnlyDictionary<string, string> metadata)
    {
        var sides = metadata.GetValueOrDefault("imgsz", "").Trim('[', ']').Split(',', StringSplitOptions.TrimEntries);
        return sides is [var height, var width]
            && int.TryParse(height, NumberStyles.None, CultureInfo.InvariantCulture, out var h)
            && int.TryParse(width, NumberStyles.None, CultureInfo.InvariantCulture, out var w)
            && h is > 0 and <= 16384 && w is > 0 and <= 16384
                ? (w, h)
                : null;
    }

    /// <summary>A Python dict or list; null where there is none.</summary>
    private static string[]? Names(IReadOnlyDictionary<string, string> metadata, string source)
    {
        if (!metadata.TryGetValue("names", out var text))
        {
            return null;
        }

        var subject = source == InFile ? "The file's metadata 'names'" : $"{source}: 'names'";
        try
        {
            return PythonLiteral.Parse(text) switch
            {
                List<KeyValuePair<object?, object?>> dict
                    when dict.All(static pair => pair is { Key: double, Value: string }) => ById(dict, subject),
                List<object?> list when list.All(static name => name is string) => [.. list.Cast<string>()],
                _ => throw new ModelLoadException($"{subject} is neither a list of names nor names by class id."),
            };
        }
        catch (FormatException exception)
        {
            throw new ModelLoadException($"{subject} cannot be read: {exception.Message}", exception);
        }
    }

    private static string[] ById(List<KeyValuePair<object?, object?>> dict, string subject)
    {
        var ordered = dict.OrderBy(static pair => (double)pair.Key!).ToArray();
        var ids = Enumerable.Range(0, ordered.Length).Select(static id => (double)id);
        return ordered.Select(static pair => (double)pair.Key!).SequenceEqual(ids)
            ? [.. ordered.Select(static pair => (string)pair.Value!)]
            : throw new ModelLoadException(
                $"{subject} does not number its {ordered.Length} classes from 0 to {ordered.Length - 1}.");
    }
}
