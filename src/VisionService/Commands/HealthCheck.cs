using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace VisionService.Commands;

/// <summary>
/// Asks a running service whether it is ready, for whoever has no other client: the health check of a container.
/// </summary>
/// <param name="url">What to ask; a bare one, without a path, is asked for <c>/readyz</c>.</param>
/// <param name="certificate">The PEM file of the certificate that the service must show, whatever name it is made out to;
/// null: one that this machine trusts.</param>
internal sealed class HealthCheck(Uri url, string? certificate)
{
    private const int Unhealthy = 1;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4); // less than the five seconds of the Dockerfile

    private readonly Uri _url = url.AbsolutePath == "/" ? new Uri(url, "/readyz") : url;

    /// <summary>0 where the service is ready, 1 where it is not or does not answer; its report, or why there is none, in
    /// one line.</summary>
    public async Task<int> RunAsync(TextWriter output, TextWriter errors, CancellationToken cancellationToken)
    {
        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false };
        using var expected = certificate is null ? null : X509CertificateLoader.LoadCertificateFromFile(certificate);
        if (expected is not null)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) =>
                shown is not null && shown.GetRawCertData().AsSpan().SequenceEqual(expected.RawData);
        }

        using var client = new HttpClient(handler) { Timeout = Patience };
        try
        {
            using var response = await client.GetAsync(_url, cancellationToken);
            var report = await response.Content.ReadAsStringAsync(cancellationToken);
            var line = string.Join(' ', report.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
            await output.WriteLineAsync($"{(int)response.StatusCode} {line}");
            return response.StatusCode == HttpStatusCode.OK ? 0 : Unhealthy;
        }
        catch (HttpRequestException exception)
        {
            await errors.WriteLineAsync($"{_url} does not answer: {exception.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            await errors.WriteLineAsync($"{_url} does not answer within {Patience.TotalSeconds:0} seconds.");
        }

        return Unhealthy;
    }
}
