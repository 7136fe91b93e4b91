namespace VisionService.Api.Access;

/// <summary>
/// What a key has used: a bucket of tokens that fills by its rate, and its requests under way. A request of many images takes a
/// token for each, and may owe them: what comes next then waits until the debt is paid, so that a large request is not refused
/// for ever and the rate still holds.
/// </summary>
internal sealed class KeyUsage(TimeProvider time)
{
    private readonly Lock _lock = new();
    private double _tokens = double.PositiveInfinity; // full, whatever its size is
    private long _filledAt = time.GetTimestamp();
    private int _underWay;

    /// <summary>Begins a request, which is then ended; says why not.</summary>
    /// <param name="tokens">How many it takes at once.</param>
    public VisionException? TryBegin(ApiKey key, int tokens)
    {
        lock (_lock)
        {
            if (_underWay >= key.Concurrency)
            {
                return new VisionException(
                    VisionError.RateLimited, $"The key '{key.Name}' allows {key.Concurrency} requests at once; as many are under way.")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                };
            }

            if (TryTake(key, tokens, least: tokens) is { } refusal)
            {
                return refusal;
            }

            _underWay++;
            return null;
        }
    }

    public void End()
    {
        lock (_lock)
        {
            _underWay--;
        }
    }

    /// <summary>Takes more tokens for a request that has begun, or says why not.</summary>
    /// <param name="mayOwe">Whether the bucket may go below nothing for them.</param>
    public VisionException? TryTake(ApiKey key, int tokens, bool mayOwe)
    {
        lock (_lock)
        {
            return TryTake(key, tokens, least: mayOwe ? 0 : tokens);
        }
    }

    /// <summary>How many tokens there are, how long until the bucket is full, and how many requests more may begin.</summary>
    public (int Tokens, TimeSpan UntilFull, int Places) Left(ApiKey key)
    {
        lock (_lock)
        {
            Fill(key);
            var (tokens, untilFull) = key.Rate is { } rate
                ? ((int)Math.Max(0, Math.Floor(_tokens)), TimeSpan.FromSeconds((rate.Count - _tokens) / rate.PerSecond))
                : (0, TimeSpan.Zero);
            return (tokens, untilFull, Math.Max(0, (key.Concurrency ?? 0) - _underWay));
        }
    }

    private VisionException? TryTake(ApiKey key, int tokens, int least)
    {
        if (key.Rate is not { } rate || tokens == 0)
        {
            return null;
        }

        Fill(key);
        if (_tokens < least)
        {
            var wait = TimeSpan.FromSeconds((least - _tokens) / rate.PerSecond);
            return new VisionException(
                VisionError.RateLimited, $"The key '{key.Name}' allows {rate} images; the next is due in {wait.TotalSeconds:F1} s.")
            {
                RetryAfter = wait,
            };
        }

        _tokens -= tokens;
        return null;
    }

    private void Fill(ApiKey key)
    {
        var now = time.GetTimestamp();
        if (key.Rate is { } rate)
        {
            _tokens = Math.Min(rate.Count, _tokens + (time.GetElapsedTime(_filledAt, now).TotalSeconds * rate.PerSecond));
        }

        _filledAt = now;
    }
}
