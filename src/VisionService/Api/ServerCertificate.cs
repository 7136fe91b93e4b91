using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Options;

namespace VisionService.Api;

/// <summary>
/// TLS for both ports, where a certificate is configured. The files are read again as connections come, at most once a
/// second: new connections get what lies there now, and a new pair that cannot be used leaves the old one serving.
/// </summary>
/// <remarks>Contents are compared, not times: a mounted secret is a link whose own time never changes.</remarks>
internal sealed partial class ServerCertificate
{
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private readonly string _file;
    private readonly string _keyFile;
    private readonly TimeProvider _time;
    private readonly ILogger<ServerCertificate> _logger;
    private readonly Lock _reading = new();
    private (string Certificate, string Key) _seen;
    private long _seenAt;
    private string? _problem;
    private volatile SslStreamCertificateContext _context;

    private ServerCertificate(string file, string keyFile, TimeProvider time, ILogger<ServerCertificate> logger)
    {
        (_file, _keyFile, _time, _logger) = (file, keyFile, time, logger);
        _seen = Read();
        _seenAt = time.GetTimestamp();
        _context = Open(_seen);
    }

    /// <summary>What a new connection is to be served with.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            // Whoever comes while another reads takes what there is.
            if (_reading.TryEnter())
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

            return _context;
        }
    }

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
        catch (Exception exception) when (IsUnusable(exception))
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

    private static bool IsUnusable(Exception exception) =>
        exception is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException;

    private static SslStreamCertificateContext Open((string Certificate, string Key) pem)
    {
        var certificate = X509Certificate2.CreateFromPem(pem.Certificate, pem.Key);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(pem.Certificate);

        // Offline: what vouches for it stands in the file, and is not to be fetched from wherever the certificate says.
        return SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }

    private (string Certificate, string Key) Read() => (File.ReadAllText(_file), File.ReadAllText(_keyFile));

    private void Refresh()
    {
        if (_time.GetElapsedTime(_seenAt) < Freshness)
        {
            return;
        }

        _seenAt = _time.GetTimestamp();
        try
        {
            var found = Read();
            _problem = null;
            if (found != _seen)
            {
                _seen = found;
                _context = Open(found);
                Log.Renewed(_logger, _context.TargetCertificate.NotAfter);
            }
        }
        catch (Exception exception) when (IsUnusable(exception))
        {
            // Halfway through a change, perhaps: the other file's turn comes, and then both are tried again.
            if (exception.Message != _problem)
            {
                _problem = exception.Message;
                Log.Unusable(_logger, _problem, _context.TargetCertificate.NotAfter);
            }
        }
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
