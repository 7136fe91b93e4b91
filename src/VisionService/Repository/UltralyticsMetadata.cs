using VisionService.Inference;

namespace VisionService.Repository;

/// <summary>What Ultralytics' exporter writes into a file about itself.</summary>
internal static class UltralyticsMetadata
{
    /// <summary>What the file is for, in this service's words; null where it does not say or is not
    /// Ultralytics'.</summary>
    public static string? Task(ModelDraft draft) => draft.Graph.Metadata.TryGetValue("task", out var task)
        ? task switch
        {
            "detect" or "pose" => "detect",
            "segment" or "classify" => task,
            _ => null,
        }
        : null;

    /// <summary>The classes' names, a Python dict or list; null where there are none.</summary>
    /// <exception cref="ModelLoadException">They are there and cannot be read.</exception>
    public static LabelList? Labels(ModelDraft draft)
    {
        if (!draft.Graph.Metadata.TryGetValue("names", out var text))
        {
            return null;
        }

        try
        {
            var names = PythonLiteral.Parse(text) switch
            {
                List<KeyValuePair<object?, object?>> dict
                    when dict.All(static pair => pair is { Key: double, Value: string }) => ById(dict),
                List<object?> list when list.All(static name => name is string) => [.. list.Cast<string>()],
                _ => throw new ModelLoadException("The file's metadata 'names' is neither a list of names nor names by class id."),
            };
            draft.Conclude("labels", $"{names.Length} names", "the file's metadata");
            return names.Length > 0 ? new LabelList(names) : null;
        }
        catch (FormatException exception)
        {
            throw new ModelLoadException($"The file's metadata 'names' cannot be read: {exception.Message}", exception);
        }
    }

    private static string[] ById(List<KeyValuePair<object?, object?>> dict)
    {
        var ordered = dict.OrderBy(static pair => (double)pair.Key!).ToArray();
        return ordered.Select(static pair => (double)pair.Key!).SequenceEqual(Enumerable.Range(0, ordered.Length).Select(static id => (double)id))
            ? [.. ordered.Select(static pair => (string)pair.Value!)]
            : throw new ModelLoadException(
                $"The file's metadata 'names' does not number its {ordered.Length} classes from 0 to {ordered.Length - 1}.");
    }
}
