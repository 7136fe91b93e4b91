using System.Globalization;
using System.Text.Json;
using YamlDotNet.RepresentationModel;

namespace VisionService.Repository.SideFiles;

/// <summary>
/// One mapping of another tool's JSON or YAML file. Unlike <see cref="YamlSection"/> it leaves alone the keys that
/// nobody asks for: those files hold much that is not for us. Null counts as absent.
/// </summary>
internal readonly struct SideSection
{
    // A YAML text of aliases to aliases can stand for more nodes than memory holds.
    private const int MaxNodes = 200_000;

    private readonly JsonElement _element;

    private SideSection(string path, JsonElement element) => (Path, _element) = (path, element);

    /// <summary>The file, and the keys that lead here; for messages.</summary>
    public string Path { get; }

    public IEnumerable<string> Keys => _element.EnumerateObject().Select(static property => property.Name);

    /// <exception cref="ModelLoadException">The text is not one JSON object.</exception>
    public static SideSection OfJson(string text, string file)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new SideSection(file, document.RootElement.Clone())
                : throw new ModelLoadException($"{file} is not a JSON object.");
        }
        catch (JsonException exception)
        {
            throw new ModelLoadException($"{file} cannot be read as JSON: {exception.Message}", exception);
        }
    }

    /// <exception cref="ModelLoadException">The text is not one YAML mapping.</exception>
    public static SideSection OfYaml(string text, string file)
    {
        if (YamlDocuments.Load(text, file) is not [{ RootNode: YamlMappingNode mapping }])
        {
            throw new ModelLoadException($"{file} is not one YAML mapping (key: value).");
        }

        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            var nodes = 0;
            Write(writer, mapping, file, ref nodes);
        }

        using var document = JsonDocument.Parse(
            json.GetBuffer().AsMemory(0, (int)json.Length), new() { MaxDepth = 128 });
        return new SideSection(file, document.RootElement.Clone());
    }

    public bool Has(string key) => Find(key) is not null;

    /// <summary>A mapping inside this one; null where there is none of that key, or something else.</summary>
    public SideSection? Section(string key) => Find(key) is { ValueKind: JsonValueKind.Object } value
        ? new SideSection($"{Path}: {key}", value)
        : null;

    /// <summary>The mappings of a list; none where the key is absent.</summary>
    public IEnumerable<SideSection> Sections(string key)
    {
        var path = $"{Path}: {key}";
        return Items(key).Where(static item => item.ValueKind == JsonValueKind.Object)
            .Select((item, i) => new SideSection($"{path}[{i}]", item));
    }

    public string? Text(string key) => Find(key) is { } value ? AsText(value) ?? throw Wrong(key, "a text") : null;

    /// <summary>The texts of a list, or a single one; null where the key is absent.</summary>
    public IReadOnlyList<string>? Texts(string key)
    {
        var texts = Items(key).Select(AsText).OfType<string>().ToArray();
        return Find(key) is null ? null
            : texts.Length == Items(key).Count() ? texts
            : throw Wrong(key, "a list of texts");
    }

    /// <summary>This mapping as names by number: <c>{"0": "cat", "1": "dog"}</c>.</summary>
    /// <exception cref="ModelLoadException">It is none, or its numbers have holes.</exception>
    public IReadOnlyList<string> NamesById()
    {
        var (byId, path) = (new SortedDictionary<int, string>(), Path);
        foreach (var property in _element.EnumerateObject())
        {
            if (!int.TryParse(property.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                || AsText(property.Value) is not { } name
                || !byId.TryAdd(id, name))
            {
                throw new ModelLoadException(
                    $"{path} must be names by class id, not '{property.Name}: {Shown(property.Value)}'.");
            }
        }

        return byId.Keys.SequenceEqual(Enumerable.Range(0, byId.Count))
            ? [.. byId.Values]
            : throw new ModelLoadException(
                $"{path} does not number its {byId.Count} classes from 0 to {byId.Count - 1}.");
    }

    public bool? Flag(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { ValueKind: JsonValueKind.String } value when bool.TryParse(value.GetString(), out var flag) => flag,
        _ => throw Wrong(key, "true or false"),
    };

    public int? Integer(string key, int min, int max) => Number(key, min, max) switch
    {
        null => null,
        { } number when double.IsInteger(number) => (int)number,
        _ => throw Wrong(key, $"a whole number from {min} to {max}"),
    };

    public double? Number(string key, double min, double max) =>
        Find(key) is { } value ? Number(key, value, min, max) : null;

    /// <summary>A list of numbers, or a single one as a list of one; null where the key is absent.</summary>
    public IReadOnlyList<double>? Numbers(string key, double min, double max)
    {
        if (Find(key) is null)
        {
            return null;
        }

        var numbers = new List<double>();
        foreach (var item in Items(key))
        {
            numbers.Add(Number(key, item, min, max));
        }

        return numbers;
    }

    /// <summary>An error about a key of this mapping.</summary>
    public ModelLoadException Wrong(string key, string wanted) =>
        new($"{Path}: '{key}' must be {wanted}, not {(Find(key) is { } found ? Shown(found) : "nothing")}.");

    /// <summary>A text or number as it is, a list of them as Python would write it; null for anything else.</summary>
    public string? Literal(string key) => Find(key) switch
    {
        { ValueKind: JsonValueKind.Array } list => $"[{string.Join(", ", list.EnumerateArray().Select(AsText))}]",
        { } value => AsText(value),
        null => null,
    };

    private static string Shown(JsonElement value) =>
        value.GetRawText() is { Length: > 100 } text ? $"{text[..100]}..." : value.GetRawText();

    private JsonElement? Find(string key) =>
        _element.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private IEnumerable<JsonElement> Items(string key) => Find(key) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } list => list.EnumerateArray(),
        { } single => [single],
    };

    private static string? AsText(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        _ => null,
    };

    private double Number(string key, JsonElement value, double min, double max) =>
        AsText(value) is { } text
        && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && number >= min && number <= max
            ? number
            : throw Wrong(key, string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}"));

    /// <summary>Scalars become texts, which numbers and flags are read from when they are asked for: whether a label
    /// <c>on</c> is a text is not YAML's to decide.</summary>
    private static void Write(Utf8JsonWriter json, YamlNode node, string file, ref int nodes)
    {
        if (++nodes > MaxNodes)
        {
            throw new ModelLoadException($"{file} holds more than {MaxNodes} values.");
        }

        switch (node)
        {
            case YamlMappingNode mapping:
                json.WriteStartObject();
                foreach (var (key, value) in mapping.Children)
                {
                    json.WritePropertyName((key as YamlScalarNode)?.Value
                        ?? throw new ModelLoadException($"{file}, line {key.Start.Line}: a key must be a text."));
                    Write(json, value, file, ref nodes);
                }

                json.WriteEndObject();
                break;
            case YamlSequenceNode list:
                json.WriteStartArray();
                foreach (var item in list.Children)
                {
                    Write(json, item, file, ref nodes);
                }

                json.WriteEndArray();
                break;
            case YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain, Value: null or "" or "~" or "null" }:
                json.WriteNullValue();
                break;
            default:
                json.WriteStringValue(((YamlScalarNode)node).Value);
                break;
        }
    }
}
