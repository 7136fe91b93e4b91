using System.Globalization;

namespace VisionService.Api.Access;

/// <summary>Who makes a request: a key's holder, or anyone.</summary>
internal sealed class Caller
{
    private readonly string _policy;

    public Caller(ApiKey key, KeyUsage usage)
    {
        (Key, Usage) = (key, usage);
        _policy = string.Join(", ", Policies(key));
    }

    public ApiKey Key { get; }

    /// <summary>Outlives this object where the key is read again.</summary>
    public KeyUsage Usage { get; }

    /// <summary>Who makes this request; null where no key is asked for.</summary>
    public static Caller? Of(HttpContext http) => http.Features.Get<Caller>();

    /// <summary>What is the same object in all requests of one caller, and in no other's; null where no key is asked
    /// for.</summary>
    public static object? IdentityOf(HttpContext http) => Of(http)?.Usage;

    /// <summary>Counts images, or messages of a stream, against the rate of whoever makes the request.</summary>
    /// <param name="further">Whether the request has been counted once already; what it is more may then be owed.</param>
    /// <returns>Why they are refused; null where they are not.</returns>
    public static VisionException? RefusalOf(HttpContext http, int images, bool further) =>
        Of(http) is { } caller ? caller.Usage.TryTake(caller.Key, images, further) : null;

    /// <summary>What this caller may and has left, as the IETF's draft "RateLimit header fields for HTTP" has it.</summary>
    public void Describe(IHeaderDictionary headers)
    {
        if (_policy.Length == 0)
        {
            return;
        }

        var (tokens, untilFull, places) = Usage.Left(Key);
        headers["RateLimit-Policy"] = _policy;
        headers["RateLimit"] = (Key.Rate, Key.Concurrency) switch
        {
            (not null, null) => Rate(),
            (null, _) => Concurrency(),
            _ => $"{Rate()}, {Concurrency()}",
        };

        string Rate() => string.Create(CultureInfo.InvariantCulture, $"\"rate\";r={tokens};t={(int)Math.Ceiling(untilFull.TotalSeconds)}");
        string Concurrency() => string.Create(CultureInfo.InvariantCulture, $"\"concurrency\";r={places}");
    }

    private static IEnumerable<string> Policies(ApiKey key)
    {
        if (key.Rate is { } rate)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"\"rate\";q={rate.Count};w={(int)rate.Period.TotalSeconds}");
        }

        if (key.Concurrency is { } concurrency)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"\"concurrency\";q={concurrency};qu=\"concurrent-requests\"");
        }
    }
}
