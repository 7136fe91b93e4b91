using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace VisionService.Api;

/// <summary>TLS for both ports, where a certificate is configured.</summary>
internal static class ServerCertificate
{
    /// <summary>What makes an endpoint speak TLS; without a certificate it does nothing. ALPN follows the endpoint's
    /// protocols.</summary>
    /// <exception cref="OptionsValidationException">The files are missing, or are no certificate and its key.</exception>
    public static Action<ListenOptions> Load(ApiOptions options)
    {
        if (options.Certificate is not { Length: > 0 } file)
        {
            return string.IsNullOrEmpty(options.CertificateKey) ? PlainText
                : throw Invalid("Api:CertificateKey is set without Api:Certificate.");
        }

        var keyFile = string.IsNullOrEmpty(options.CertificateKey) ? file : options.CertificateKey;
        try
        {
            var certificate = X509Certificate2.CreateFromPemFile(file, keyFile);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(file);
            return listen => listen.UseHttps(https => (https.ServerCertificate, https.ServerCertificateChain) = (certificate, chain));
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw Invalid($"Api:Certificate '{file}' with key '{keyFile}' cannot be used: {exception.Message}");
        }
    }

    private static void PlainText(ListenOptions listen)
    {
    }

    private static OptionsValidationException Invalid(string message) => new("Api", typeof(ApiOptions), [message]);
}
