using VisionService.Inference;

namespace VisionService.Repository;

/// <summary>What Ultralytics' exporter writes into a file about itself.</summary>
internal static class UltralyticsMetadata
{
    /// <summary>What the file is for, in this service's words; null where it does not say or is not Ultralytics'.</summary>
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
                List<KeyValuePair<object?, object?>> dict => Ordered(dict),
                List<object?> list => [.. list.OfType<string>()],
                _ => [],
            };
            draft.Conclude("labels", $"{names.Length} names", "the file's metadata");
            return names.Length > 0 ? new LabelList(names) : null;
        }
        catch (FormatException exception)
        {
            throw new ModelLoadException($"The file's metadata 'names' cannot be read: {exception.Message}", exception);
        }
    }

    private static string[] Ordered(List<KeyValuePair<object?, object?>> dict) =>
        [.. dict.Where(pair => pair is { Key: double, Value: string }).OrderBy(pair => (double)pair.Key!).Select(pair => (string)pair.Value!)];
}
