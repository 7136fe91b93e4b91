using System.Text.Json;
using System.Text.RegularExpressions;
using VisionService.Inference;
using VisionService.Repository.SideFiles;

namespace VisionService.Repository;

/// <summary>Reads the label files that users have: one name a line, or JSON as a list, by id, or as Keras writes
/// it.</summary>
internal static partial class LabelFile
{
    /// <param name="folder">The model's own, which the file may not lead out of; null: the file's.</param>
    /// <exception cref="ModelLoadException">The file cannot be read as labels.</exception>
    public static LabelList Read(string path, string? folder = null)
    {
        var file = Path.GetFileName(path);
        try
        {
            var text = SideText.Read(path, folder ?? Path.GetDirectoryName(Path.GetFullPath(path))!, SideText.MaxLabelBytes);
            var entries = path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? FromJson(text, file) : FromLines(text);
            return entries.Count > 0 ? FromEntries(entries) : throw new ModelLoadException($"{file} has no labels.");
        }
        catch (JsonException exception)
        {
            throw new ModelLoadException($"{file} cannot be read as labels: {exception.Message}", exception);
        }
    }

    /// <summary>Splits off WordNet ids where every entry starts with one (<c>n02099601 golden retriever</c>).</summary>
    public static LabelList FromEntries(IReadOnlyList<string> entries)
    {
        var matches = entries.Select(entry => Synset().Match(entry)).ToArray();
        return matches.All(match => match.Success)
            ? new LabelList(
                [.. matches.Select(match => match.Groups["name"].Value)],
                [.. matches.Select(match => match.Groups["synset"].Value)])
            : new LabelList(entries);
    }

    private static List<string> FromLines(string text)
    {
        var lines = text.Split('\n').Select(line => line.Trim()).ToList();
        while (lines.Count > 0 && lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }

        return lines;
    }

    private static List<string> FromJson(string text, string file)
    {
        using var document = JsonDocument.Parse(text);
        return document.RootElement.ValueKind switch
        {
            JsonValueKind.Array => [.. document.RootElement.EnumerateArray().Select(value => Entry(value, file))],
            JsonValueKind.Object => ById(document.RootElement, file),
            _ => throw new ModelLoadException($"{file} is neither a JSON list nor an object by class id."),
        };
    }

    /// <summary><c>{"0": "tench"}</c>, or the other way round as Keras' <c>class_indices</c>: <c>{"tench":
    /// 0}</c>.</summary>
    private static List<string> ById(JsonElement root, string file)
    {
        var byId = new SortedDictionary<int, string>();
        foreach (var property in root.EnumerateObject())
        {
            var (id, name) = property.Value.ValueKind == JsonValueKind.Number && property.Value.TryGetInt32(out var value)
                ? (value, property.Name)
                : (int.TryParse(property.Name, out var key) ? key : -1, Entry(property.Value, file));
            if (!byId.TryAdd(id, name))
            {
                throw new ModelLoadException($"{file} names class {id} twice.");
            }
        }

        return byId.Count > 0 && byId.Keys.First() == 0 && byId.Keys.Last() == byId.Count - 1
            ? [.. byId.Values]
            : throw new ModelLoadException($"{file} does not number its {byId.Count} classes from 0 to {byId.Count - 1}.");
    }

    /// <summary>A name, or a pair of WordNet id and name.</summary>
    private static string Entry(JsonElement value, string file) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Array when value.GetArrayLength() == 2 && value.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String) => $"{value[0].GetString()} {value[1].GetString()}",
        _ => throw new ModelLoadException($"{file} holds {value.GetRawText()} where a label is wanted."),
    };

    [GeneratedRegex(@"^(?<synset>n\d{8})[\s,:]+(?<name>.+)$")]
    private static partial Regex Synset();
}
