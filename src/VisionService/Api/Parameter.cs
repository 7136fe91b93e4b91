using System.Globalization;

namespace VisionService.Api;

/// <summary>One thing that a caller may say about a request, in the query, a form field or a JSON member.</summary>
/// <param name="Range">What it may be, for messages and the OpenAPI document.</param>
/// <param name="Default">What it is when left out, for the OpenAPI document.</param>
internal sealed record Parameter(string Name, ParameterType Type, string Range, string Default, string Description)
{
    public double Min { get; init; } = double.NegativeInfinity;

    public double Max { get; init; } = double.PositiveInfinity;

    /// <summary>Whether it may be said several times, or as a list in JSON.</summary>
    public bool IsList { get; init; }

    /// <summary>Whether a text is one that may be said; for texts that are not free.</summary>
    public Func<string, bool> Accepts { get; init; } = static text => text.Length > 0;

    /// <summary>One of a few words.</summary>
    public static Parameter Choice(string name, IReadOnlyCollection<string> choices, string @default, string description) =>
        new(name, ParameterType.Text, $"one of {string.Join(", ", choices)}", @default, description)
        {
            Accepts = choices.Contains,
        };

    public static Parameter Text(string name, string range, string @default, string description) =>
        new(name, ParameterType.Text, range, @default, description);

    /// <summary>The parameter <c>classes</c>, which tasks have in common.</summary>
    public static Parameter Classes(string description) =>
        Text("classes", "labels or class ids, comma separated", "all", $"{description}; a list in JSON.") with { IsList = true };

    public static Parameter Integer(string name, int min, int max, string @default, string description) =>
        new(name, ParameterType.Integer, $"{min} to {max}", @default, description) { Min = min, Max = max };

    public static Parameter Number(string name, double min, double max, string @default, string description) =>
        new(
            name,
            ParameterType.Number,
            string.Create(CultureInfo.InvariantCulture, $"{min} to {max}"),
            @default,
            description)
        {
            Min = min,
            Max = max,
        };
}

internal enum ParameterType
{
    Text,
    Integer,
    Number,
}

/// <summary>The parameters that one endpoint knows.</summary>
internal sealed class ParameterTable(params Parameter[] own)
{
    private static readonly Parameter[] Common =
    [
        Parameter.Text("model", "a name, or name:version", "the task's default model", "Which model answers."),
        Parameter.Integer("timeout_ms", 1, 600_000, "30000", "How long the caller will wait, in milliseconds."),
        Parameter.Number("priority", 0, 1, "0", "Requests of higher priority are served first."),
    ];

    public IReadOnlyList<Parameter> All { get; } = [.. Common, .. own];

    /// <summary>Sorts what a caller said under the known names and checks it against their ranges.</summary>
    /// <exception cref="VisionException">An unknown name, one said twice, or a value out of range.</exception>
    public ParameterValues Read(IEnumerable<(string Name, IReadOnlyList<string> Values)> said)
    {
        var values = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var (name, texts) in said)
        {
            var parameter = All.FirstOrDefault(known => known.Name == name) ?? throw Unknown(name);
            foreach (var text in texts)
            {
                Check(parameter, text);
            }

            if (texts.Count == 0)
            {
                throw new VisionException(VisionError.InvalidRequest, $"Parameter '{name}' is an empty list.") { Parameter = name };
            }

            if (!values.TryAdd(name, texts) || (texts.Count > 1 && !parameter.IsList))
            {
                throw new VisionException(VisionError.InvalidRequest, $"Parameter '{name}' is given more than once.") { Parameter = name };
            }
        }

        return new ParameterValues(values);
    }

    private VisionException Unknown(string name)
    {
        var known = All.Select(parameter => parameter.Name).ToArray();
        return new VisionException(
            VisionError.InvalidRequest,
            $"Unknown parameter '{name}'{Nearest.Hint(name, known)}. Known: {string.Join(", ", known)}.")
        {
            Parameter = name,
        };
    }

    private static void Check(Parameter parameter, string text)
    {
        var isRight = parameter.Type switch
        {
            ParameterType.Integer => long.TryParse(
                text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
                && whole >= parameter.Min && whole <= parameter.Max,
            ParameterType.Number => double.TryParse(
                text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                && number >= parameter.Min && number <= parameter.Max,
            _ => parameter.Accepts(text),
        };
        if (!isRight)
        {
            var kind = parameter.Type switch
            {
                ParameterType.Integer => "a whole number from ",
                ParameterType.Number => "a number from ",
                _ => "",
            };
            throw new VisionException(
                VisionError.InvalidRequest, $"Parameter '{parameter.Name}' must be {kind}{parameter.Range}, not '{text}'.")
            {
                Parameter = parameter.Name,
            };
        }
    }
}

/// <summary>What a caller said, checked.</summary>
internal sealed class ParameterValues(IReadOnlyDictionary<string, IReadOnlyList<string>> values)
{
    public string? Text(string name) => values.TryGetValue(name, out var texts) ? texts[0] : null;

    public IReadOnlyList<string>? Texts(string name) => values.GetValueOrDefault(name);

    public int Integer(string name, int @default) =>
        Text(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : @default;

    public double Number(string name, double @default) =>
        Text(name) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : @default;
}
