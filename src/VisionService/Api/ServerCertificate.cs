using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Options;

namespace VisionService.Api;

/// <summary>
/// TLS for both ports, where a certificate is configured. The files are read again as connections come, at most once a
/// second: new connections get what lies there now, and a new pair that cannot be used leaves the old one serving.
/// </summary>
internal sealed partial class ServerCertificate
{
    private readonly LiveFiles<SslStreamCertificateContext> _files;

    private ServerCertificate(string file, string keyFile, TimeProvider time, ILogger<ServerCertificate> logger) =>
        _files = new([file, keyFile], static (pem, _) => Open(pem[0], pem[1]), time)
        {
            Renewed = context => Log.Renewed(logger, context.TargetCertificate.NotAfter),
            Unusable = (problem, context) => Log.Unusable(logger, problem, context.TargetCertificate.NotAfter),
        };

    /// <summary>What a new connection is to be served with.</summary>
    public SslStreamCertificateContext Current => _files.Current;

    /// <summary>The configured certificate; null where there is none.</summary>
    /// <exception cref="OptionsValidationException">The files are missing, or are no certificate and its key.</exception>
    public static ServerCertificate? Load(ApiOptions options, TimeProvider time, ILogger<ServerCertificate> logger)
    {
        if (options.Certificate is not { Length: > 0 } file)
        {
            return string.IsNullOrEmpty(options.CertificateKey) ? null
                : throw Invalid("Api:CertificateKey is set without Api:Certificate.");
        }

        var keyFile = string.IsNullOrEmpty(options.CertificateKey) ? file : options.CertificateKey;
        try
        {
            return new ServerCertificate(file, keyFile, time, logger);
        }
        catch (Exception exception) when (LiveFiles<object>.IsUnusable(exception))
        {
            throw Invalid($"Api:Certificate '{file}' with key '{keyFile}' cannot be used: {exception.Message}");
        }
    }

    /// <summary>Makes an endpoint speak TLS; ALPN follows its protocols.</summary>
    public void Use(ListenOptions listen) => listen.UseHttps(new TlsHandshakeCallbackOptions
    {
        OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificateContext = Current }),
    });

    private static OptionsValidationException Invalid(string message) => new("Api", typeof(ApiOptions), [message]);

    private static SslStreamCertificateContext Open(string pem, string keyPem)
    {
        var certificate = X509Certificate2.CreateFromPem(pem, keyPem);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(pem);

        // Offline: what vouches for it stands in the file, and is not to be fetched from wherever the certificate says.
        return SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }

    private static partial class Log
    {
        [LoggerMessage(
            Level = LogLevel.Information,
            Message = "New connections get the certificate that now lies in Api:Certificate; it ends on {End:u}.")]
        public static partial void Renewed(ILogger logger, DateTime end);

        [LoggerMessage(
            Level = LogLevel.Error,
            Message = "What lies in Api:Certificate and Api:CertificateKey cannot be used: {Problem} "
                + "The certificate that was loaded before serves on until {End:u}.")]
        public static partial void Unusable(ILogger logger, string problem, DateTime end);
    }
}
