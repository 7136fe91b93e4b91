namespace VisionService.Api;

/// <summary>
/// What files say, read again as it is asked for, at most once a second. Where they change to something that cannot be used
/// the last good reading stays.
/// </summary>
/// <remarks>Contents are compared, not times: a mounted secret is a link whose own time never changes.</remarks>
internal sealed class LiveFiles<T>
    where T : class
{
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private readonly string[] _paths;
    private readonly Func<string[], T?, T> _read;
    private readonly TimeProvider _time;
    private readonly Lock _reading = new();
    private string[] _seen;
    private long _seenAt;
    private string? _problem;
    private volatile T _current;

    /// <param name="read">Makes something of the files' texts, one for each path, and of what was read before; throws one of
    /// <see cref="IsUnusable"/> where it cannot.</param>
    /// <exception cref="Exception">One of <see cref="IsUnusable"/>: the first reading has nothing to fall back to.</exception>
    public LiveFiles(string[] paths, Func<string[], T?, T> read, TimeProvider time)
    {
        (_paths, _read, _time) = (paths, read, time);
        _seen = Texts();
        _seenAt = time.GetTimestamp();
        _current = read(_seen, null);
    }

    /// <summary>Told of each new reading.</summary>
    public Action<T>? Renewed { get; init; }

    /// <summary>Told once of each reason why the files cannot be used, and of what goes on being used.</summary>
    public Action<string, T>? Unusable { get; init; }

    public T Current
    {
        get
        {
            // Whoever comes while another reads takes what there is.
            if (_time.GetElapsedTime(Volatile.Read(ref _seenAt)) >= Freshness && _reading.TryEnter())
            {
                try
                {
                    Refresh();
                }
                finally
                {
                    _reading.Exit();
                }
            }

            return _current;
        }
    }

    /// <summary>What files that are missing, closed, half written or wrong are told by.</summary>
    public static bool IsUnusable(Exception exception) => exception
        is System.Security.Cryptography.CryptographicException
        or ArgumentException or FormatException or IOException or UnauthorizedAccessException;

    private string[] Texts() => Array.ConvertAll(_paths, File.ReadAllText);

    private void Refresh()
    {
        Volatile.Write(ref _seenAt, _time.GetTimestamp());
        try
        {
            var texts = Texts();
            if (!texts.AsSpan().SequenceEqual(_seen))
            {
                _current = _read(texts, _current);
                _seen = texts;
                Renewed?.Invoke(_current);
            }

            _problem = null;
        }
        catch (Exception exception) when (IsUnusable(exception))
        {
            // Halfway through a change, perhaps: they are tried again until they can be used.
            if (exception.Message != _problem)
            {
                _problem = exception.Message;
                Unusable?.Invoke(_problem, _current);
            }
        }
    }
}
