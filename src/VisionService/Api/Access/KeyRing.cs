using Microsoft.Extensions.Options;

namespace VisionService.Api.Access;

/// <summary>The keys that open the service, from <c>Access:Keys</c> and <c>Access:KeysFile</c>. A file that changes is read again;
/// what a key has used stays with it.</summary>
internal sealed partial class KeyRing
{
    private readonly TimeProvider _time;
    private readonly string[] _configured;
    private readonly string? _path;
    private readonly LiveFiles<Dictionary<string, Caller>>? _file;
    private readonly Dictionary<string, Caller> _callers;

    /// <exception cref="OptionsValidationException">The file is missing, or a line of it or of the settings is no
    /// key's.</exception>
    public KeyRing(IOptions<AccessOptions> options, TimeProvider time, ILogger<KeyRing> logger)
    {
        _time = time;
        _configured = [.. options.Value.Keys];
        _path = options.Value.KeysFile is { Length: > 0 } path ? path : null;
        try
        {
            _callers = Read("", null);
            if (_path is not null)
            {
                _file = new([_path], (texts, before) => Read(texts[0], before), time)
                {
                    Renewed = callers => Log.Renewed(logger, callers.Count),
                    Unusable = (problem, callers) => Log.Unusable(logger, problem, callers.Count),
                };
            }
        }
        catch (Exception exception) when (LiveFiles<object>.IsUnusable(exception))
        {
            throw new OptionsValidationException(
                "Access", typeof(AccessOptions), [exception is FormatException ? exception.Message : $"Access:KeysFile: {exception.Message}"]);
        }
    }

    /// <summary>Whether keys are asked for: where some are configured, if only by an empty file.</summary>
    public bool IsInUse => _path is not null || _configured.Length > 0;

    /// <summary>Whose key a text is, perhaps one that has expired; null where it is none.</summary>
    public Caller? Find(string text)
    {
        var callers = _file?.Current ?? _callers;
        var caller = ApiKey.IdIn(text) is { } id ? callers.GetValueOrDefault(id) : null;
        return (caller?.Key ?? ApiKey.Nobody).IsOf(text) ? caller : null;
    }

    private Dictionary<string, Caller> Read(string text, Dictionary<string, Caller>? before)
    {
        var lines = text.Split('\n').Select(static (line, i) => (Line: line.Trim(), Place: $"Access:KeysFile, line {i + 1}"));
        var callers = new Dictionary<string, Caller>(StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (line, place) in _configured.Select(static (line, i) => (Line: line.Trim(), Place: $"Access:Keys:{i}")).Concat(lines))
        {
            if (line is "" or ['#', ..])
            {
                continue;
            }

            ApiKey key;
            try
            {
                key = ApiKey.Parse(line);
            }
            catch (FormatException exception)
            {
                throw new FormatException($"{place}: {exception.Message}", exception);
            }

            var usage = before?.GetValueOrDefault(key.Id)?.Usage ?? new KeyUsage(_time);
            if (!names.Add(key.Name) || !callers.TryAdd(key.Id, new Caller(key, usage)))
            {
                throw new FormatException($"{place}: there is a key '{key.Name}' already.");
            }
        }

        return callers;
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Access:KeysFile has changed; there are {Keys} keys now.")]
        public static partial void Renewed(ILogger logger, int keys);

        [LoggerMessage(
            Level = LogLevel.Error,
            Message = "What lies in Access:KeysFile cannot be used: {Problem} The {Keys} keys from before serve on.")]
        public static partial void Unusable(ILogger logger, string problem, int keys);
    }
}
