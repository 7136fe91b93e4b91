using System.Net;
using Microsoft.Extensions.Options;
using VisionService.Api;

namespace VisionService.Commands;

/// <summary>
/// Asks a running service whether it is ready, for whoever has no other client: the health check of a container. The
/// service that is asked is the one that the same settings would start on this machine, or that of a URL.
/// </summary>
internal sealed class HealthCheck(IOptions<ApiOptions> api, IConfiguration configuration)
{
    /// <summary>Where the URL of another service stands in the configuration; a bare one is asked for
    /// <c>/readyz</c>.</summary>
    public const string UrlKey = "Health:Url";

    private const int Unhealthy = 1;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4); // less than the five seconds of the Dockerfile

    /// <summary>0 where the service is ready, 1 where it is not or does not answer; its report, or why there is none, in
    /// one line.</summary>
    /// <exception cref="InvalidOperationException">The URL is none.</exception>
    public async Task<int> RunAsync(TextWriter output, TextWriter errors, CancellationToken cancellationToken)
    {
        var url = Url();
        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false };
        if (configuration[UrlKey] is null)
        {
            // Our own certificate is made out to the name that callers use, and this call stays on the machine.
            handler.SslOptions.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        }

        using var client = new HttpClient(handler) { Timeout = Patience };
        try
        {
            using var response = await client.GetAsync(url, cancellationToken);
            var report = await response.Content.ReadAsStringAsync(cancellationToken);
            var line = string.Join(' ', report.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
            await output.WriteLineAsync($"{(int)response.StatusCode} {line}");
            return response.StatusCode == HttpStatusCode.OK ? 0 : Unhealthy;
        }
        catch (HttpRequestException exception)
        {
            await errors.WriteLineAsync($"{url} does not answer: {exception.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            await errors.WriteLineAsync($"{url} does not answer within {Patience.TotalSeconds:0} seconds.");
        }

        return Unhealthy;
    }

    private Uri Url()
    {
        if (configuration[UrlKey] is { } text)
        {
            return Uri.TryCreate(text, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
                ? url.AbsolutePath == "/" ? new Uri(url, "/readyz") : url
                : throw new InvalidOperationException($"--url must be an http or https URL, not '{text}'.");
        }

        // 0.0.0.0 and [::] are addresses to listen on, not to call.
        var address = IPAddress.TryParse(api.Value.Address, out var ip) && !ip.Equals(IPAddress.Any) && !ip.Equals(IPAddress.IPv6Any)
            ? ip
            : IPAddress.Loopback;
        var scheme = string.IsNullOrEmpty(api.Value.Certificate) ? Uri.UriSchemeHttp : Uri.UriSchemeHttps;
        return new UriBuilder(scheme, address.ToString(), api.Value.HttpPort, "/readyz").Uri;
    }
}
