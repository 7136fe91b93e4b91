using System.Globalization;

namespace VisionService.Api.OpenInference;

/// <summary>A request for inference, whichever transport it came by.</summary>
/// <param name="Model"><c>name</c> or <c>name:version</c>.</param>
/// <param name="Id">Given back as it is; null where there was none.</param>
/// <param name="Outputs">Those that are wanted; empty: all.</param>
internal sealed record InferRequest(
    string Model, string? Id, InferParameters Parameters, IReadOnlyList<InferInput> Inputs, IReadOnlyList<RequestedOutput> Outputs)
{
    /// <inheritdoc cref="CallOrigin" path="/param[@name='Caller']"/>
    public object? Caller { get; init; }
}

internal sealed record RequestedOutput(string Name, InferParameters Parameters);

/// <summary>The parameters of a request, an input or an output, as texts: the protocol leaves their meaning to the
/// server.</summary>
internal sealed class InferParameters
{
    private readonly Dictionary<string, IReadOnlyList<string>> _values = new(StringComparer.Ordinal);

    public IEnumerable<(string Name, IReadOnlyList<string> Values)> All => _values.Select(static pair => (pair.Key, pair.Value));

    public void Set(string name, params IReadOnlyList<string> values) => _values[name] = values;

    public string? Text(string name) => _values.TryGetValue(name, out var values) && values is [var text] ? text : null;

    /// <exception cref="VisionException">It is neither true nor false.</exception>
    public bool? Flag(string name) => Text(name) switch
    {
        null => null,
        "true" => true,
        "false" => false,
        var text => throw new VisionException(VisionError.InvalidRequest, $"Parameter '{name}' must be true or false, not '{text}'."),
    };

    /// <exception cref="VisionException">It is no whole number of that range.</exception>
    public long? Integer(string name, long min, long max) => Text(name) switch
    {
        null => null,
        var text when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= min && value <= max => value,
        var text => throw new VisionException(
            VisionError.InvalidRequest, $"Parameter '{name}' must be a whole number from {min} to {max}, not '{text}'."),
    };
}
