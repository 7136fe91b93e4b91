using System.ComponentModel.DataAnnotations;
using System.Net;
using VisionService.Api.Urls;

namespace VisionService.Api;

/// <summary>What the service listens on and what one request may ask for; section <c>Api</c>.</summary>
internal sealed class ApiOptions
{
    /// <summary>The IP address of this machine that is listened on, such as 127.0.0.1; null, the default: all of
    /// them.</summary>
    public string? Address { get; init; }

    /// <summary>Port of REST and the pages; 0 takes a free one. Default 8080.</summary>
    [Range(0, 65535)]
    public int HttpPort { get; init; } = 8080;

    /// <summary>Port of gRPC, HTTP/2 alone; 0 takes a free one. Default 8081.</summary>
    [Range(0, 65535)]
    public int GrpcPort { get; init; } = 8081;

    /// <summary>A PEM file with the server's certificate and those that vouch for it: both ports then speak TLS. Default
    /// none.</summary>
    public string? Certificate { get; init; }

    /// <summary>The PEM file of the certificate's key, where it is not in <see cref="Certificate"/> too.</summary>
    public string? CertificateKey { get; init; }

    /// <summary>Most bytes of one request's body, all its images together. Default 64 MiB.</summary>
    [Range(1, int.MaxValue)]
    public int MaxRequestBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Most bytes of all bodies that are held at once, from when they come until they are answered; a lone request is
    /// always let in. 0, the default: a quarter of the memory that there is, or that the container may have.</summary>
    [Range(0, long.MaxValue)]
    public long MaxHeldBytes { get; init; }

    /// <summary>Most images in one request. Default 64.</summary>
    [Range(1, 10_000)]
    public int MaxImages { get; init; } = 64;

    /// <summary>How long a request may take that does not say so itself (<c>timeout_ms</c>). Default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:10:00")]
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long accepted requests may take to end once the service is asked to stop. Default 25 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>
    /// Images decoded at once; 0, the default, means one per core. Bounds memory: each may take
    /// <c>Imaging:MaxPixels</c> x 3 bytes.
    /// </summary>
    [Range(0, 1024)]
    public int MaxConcurrentDecodes { get; init; }

    /// <summary>Origins whose web pages may call the service, such as <c>https://example.com</c>; <c>*</c>: all. Default
    /// none.</summary>
    public IList<string> CorsOrigins { get; } = [];

    public ConnectionOptions Connections { get; init; } = new();

    public UrlOptions Urls { get; init; } = new();

    /// <summary>Where this machine itself reaches REST and the pages.</summary>
    public Uri Local()
    {
        // 0.0.0.0 and [::] are addresses to listen on, not to call.
        var address = IPAddress.TryParse(Address, out var ip) && !ip.Equals(IPAddress.Any) && !ip.Equals(IPAddress.IPv6Any)
            ? ip
            : IPAddress.Loopback;
        var scheme = string.IsNullOrEmpty(Certificate) ? Uri.UriSchemeHttp : Uri.UriSchemeHttps;
        return new UriBuilder(scheme, address.ToString(), HttpPort).Uri;
    }
}
