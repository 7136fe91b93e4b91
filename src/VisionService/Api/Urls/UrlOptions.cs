using System.ComponentModel.DataAnnotations;

namespace VisionService.Api.Urls;

/// <summary>Which images are fetched by URL, and what that may cost; section <c>Api:Urls</c>. Off until hosts are
/// listed.</summary>
internal sealed class UrlOptions : IValidatableObject
{
    /// <summary>Hosts that images are fetched from, over https on port 443 and at public addresses alone:
    /// <c>images.example.com</c>, or <c>*.example.com</c> for all below it (itself not). Default none: URLs are
    /// refused.</summary>
    public IList<string> AllowedHosts { get; } = [];

    /// <summary>Origins of the operator's own network, such as <c>http://minio.internal:9000</c>: scheme, host and port as
    /// written, and private addresses and the loopback are allowed. Link-local addresses, where clouds keep credentials,
    /// never are. Default none.</summary>
    public IList<string> TrustedOrigins { get; } = [];

    /// <summary>Largest image, in bytes; <c>Imaging:MaxBytes</c> and <c>Api:MaxRequestBytes</c>, for all of a request
    /// together, hold too. Default 20 MB.</summary>
    [Range(1, int.MaxValue)]
    public int MaxBytes { get; init; } = 20_000_000;

    /// <summary>How long fetching all images of a request may take together. Default 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00")]
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Most redirects that are followed for one image, each checked like the first URL. Default 3.</summary>
    [Range(0, 20)]
    public int MaxRedirects { get; init; } = 3;

    /// <summary>Whether any URL may be fetched.</summary>
    internal bool AreAllowed => AllowedHosts.Count + TrustedOrigins.Count > 0;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var host in AllowedHosts.Where(static host => !IsHost(host)))
        {
            yield return new ValidationResult(
                $"Api:Urls:{nameof(AllowedHosts)} lists hosts, such as images.example.com or *.example.com, not '{host}'.");
        }

        foreach (var origin in TrustedOrigins.Where(static origin => !IsOrigin(origin)))
        {
            yield return new ValidationResult(
                $"Api:Urls:{nameof(TrustedOrigins)} lists origins, such as http://minio.internal:9000, not '{origin}'.");
        }
    }

    private static bool IsHost(string text)
    {
        var host = text.StartsWith("*.", StringComparison.Ordinal) ? text[2..] : text;
        return Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6;
    }

    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
        && uri is { UserInfo: "", PathAndQuery: "/", Fragment: "" };
}
