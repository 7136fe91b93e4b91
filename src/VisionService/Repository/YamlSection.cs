using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace VisionService.Repository;

/// <summary>
/// One mapping of a YAML file, read key by key. The keys asked for are the keys there are: <see cref="End"/> refuses
/// every other by name, so that a misspelt one is never ignored.
/// </summary>
internal sealed class YamlSection
{
    private readonly string _path;
    private readonly Dictionary<string, YamlNode> _values = new(StringComparer.Ordinal);
    private readonly List<string> _known = [];

    private YamlSection(string path, YamlMappingNode? mapping)
    {
        _path = path;
        foreach (var (key, value) in mapping?.Children ?? Enumerable.Empty<KeyValuePair<YamlNode, YamlNode>>())
        {
            _values.Add(key is YamlScalarNode { Value: { } name } ? name : key.ToString(), value);
        }
    }

    /// <param name="file">Shown in messages.</param>
    /// <exception cref="ModelLoadException">The text is not one YAML mapping.</exception>
    public static YamlSection Parse(string text, string file)
    {
        return YamlDocuments.Load(text, file) switch
        {
            [] => new YamlSection(file, null),
            [{ RootNode: YamlMappingNode mapping }] => new YamlSection(file, mapping),
            _ => throw new ModelLoadException($"{file} is not one YAML mapping (key: value)."),
        };
    }

    /// <summary>A mapping inside this one; empty where the key is absent. The caller ends it too.</summary>
    public YamlSection Section(string key) => Take(key) switch
    {
        null => new YamlSection($"{_path}: {key}", null),
        YamlMappingNode mapping => new YamlSection($"{_path}: {key}", mapping),
        _ => throw Wrong(key, "a mapping (key: value)"),
    };

    /// <summary>Whether the key holds a mapping.</summary>
    public bool IsMapping(string key) => Take(key) is YamlMappingNode;

    public string? Text(string key) => Take(key) switch
    {
        null => null,
        YamlScalarNode { Value: { Length: > 0 } value } => value,
        _ => throw Wrong(key, "a text"),
    };

    /// <summary>A list of texts, or null where the key is absent or holds a single text (see <see cref="Text"/>).</summary>
    public IReadOnlyList<string>? Texts(string key) => Take(key) is not YamlSequenceNode list ? null
        : [.. list.Children.Select(child => (child as YamlScalarNode)?.Value ?? throw Wrong(key, "a list of texts"))];

    public bool? Flag(string key) => Text(key) switch
    {
        null => null,
        "true" => true,
        "false" => false,
        var other => throw Wrong(key, "true or false", other),
    };

    public int? Integer(string key, int min, int max) => Text(key) switch
    {
        null => null,
        var text when int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= min && value <= max => value,
        var text => throw Wrong(key, $"a whole number from {min} to {max}", text),
    };

    /// <summary>A number or a fraction such as <c>1/255</c>.</summary>
    public double? Number(string key, double min, double max) => Text(key) is { } text ? Number(key, text, min, max) : null;

    /// <summary>A list of numbers, or a single one as a list of one.</summary>
    public IReadOnlyList<double>? Numbers(string key, double min, double max) => Texts(key) is { } texts
        ? [.. texts.Select(text => Number(key, text, min, max))]
        : Number(key, min, max) is { } single ? [single] : null;

    /// <summary>A list of lists of numbers.</summary>
    public IReadOnlyList<IReadOnlyList<double>>? NumberLists(string key, double min, double max) => Take(key) switch
    {
        null => null,
        YamlSequenceNode list when list.Children.All(child => child is YamlSequenceNode) =>
        [
            .. list.Children.Cast<YamlSequenceNode>().Select(level => level.Children
                .Select(child => Number(key, (child as YamlScalarNode)?.Value ?? throw Wrong(key, "a list of lists of numbers"), min, max))
                .ToArray()),
        ],
        _ => throw Wrong(key, "a list of lists of numbers"),
    };

    /// <summary>All of this section as numbers by free names.</summary>
    public IReadOnlyDictionary<string, double> AllNumbers(double min, double max) =>
        _values.Keys.ToDictionary(key => key, key => Number(key, min, max)!.Value, StringComparer.Ordinal);

    public T? Choice<T>(string key, IReadOnlyDictionary<string, T> choices)
        where T : struct => Text(key) switch
        {
            null => null,
            var text when choices.TryGetValue(text, out var value) => value,
            var text => throw Wrong(key, $"one of {string.Join(", ", choices.Keys)}", text),
        };

    /// <summary>Refuses the keys that nobody asked for.</summary>
    /// <exception cref="ModelLoadException">With the key, the nearest known one, and all there are.</exception>
    public void End()
    {
        if (_values.Keys.FirstOrDefault(key => !_known.Contains(key)) is { } unknown)
        {
            throw new ModelLoadException(
                $"{_path}: unknown key '{unknown}'{Nearest.Hint(unknown, _known)}. Known: {string.Join(", ", _known)}.");
        }
    }

    /// <summary>An error about this section's key, for checks that need more than one value.</summary>
    public ModelLoadException Wrong(string key, string wanted, string? found = null) =>
        new($"{_path}: '{key}' must be {wanted}{(found is null ? "" : $", not '{found}'")}.");

    private YamlNode? Take(string key)
    {
        if (!_known.Contains(key))
        {
            _known.Add(key);
        }

        return _values.GetValueOrDefault(key);
    }

    private double Number(string key, string text, double min, double max)
    {
        var parts = text.Split('/');
        if (parts.Length <= 2
            && double.TryParse(parts[0], CultureInfo.InvariantCulture, out var value)
            && (parts.Length == 1 || (double.TryParse(parts[1], CultureInfo.InvariantCulture, out var divisor)
                && double.IsFinite(value /= divisor)))
            && value >= min && value <= max)
        {
            return value;
        }

        throw Wrong(key, $"a number from {min} to {max}, or a fraction such as 1/255", text);
    }
}
