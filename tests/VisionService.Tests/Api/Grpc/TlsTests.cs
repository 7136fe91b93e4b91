using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using VisionService.Api;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Tests.Api.Grpc;

public sealed class TlsTests : IDisposable
{
    private readonly ModelFolder _files = new();

    [Fact]
    public async Task Both_ports_speak_TLS_with_the_configured_certificate()
    {
        var thumbprint = MakeCertificate();
        await using var service = await TestService.StartAsync(
            ModelFolder.WithColors(), "--Api:Certificate", _files.File("tls.crt"), "--Api:CertificateKey", _files.File("tls.key"));
        SocketsHttpHandler NewHandler() => new()
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == thumbprint },
        };

        using var http = new HttpClient(NewHandler());
        Assert.Equal("https", service.Address.Scheme);
        Assert.Equal("live", await http.GetStringAsync(new Uri(service.Address, "/livez"), TestContext.Current.CancellationToken));

        using var channel = GrpcChannel.ForAddress(service.GrpcAddress, new GrpcChannelOptions { HttpHandler = NewHandler(), DisposeHttpClient = true });
        var answer = await new Proto.Vision.VisionClient(channel).ClassifyAsync(
            new() { Image = RpcClient.Encoded(Photos.Red) }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("red", answer.Predictions[0].Label);

        Assert.Equal("h2", await NegotiatedAsync(service.GrpcAddress, "h2", "http/1.1"));
        Assert.Equal("h2", await NegotiatedAsync(service.Address, "http/1.1", "h2"));
        Assert.Equal("http/1.1", await NegotiatedAsync(service.Address, "http/1.1"));
    }

    [Theory]
    [InlineData(null, "tls.key", "Api:CertificateKey is set without Api:Certificate.")]
    [InlineData("tls.crt", null, "cannot be used: ")]
    [InlineData("nowhere.crt", "tls.key", "Could not find file")]
    [InlineData("tls.key", "tls.crt", "cannot be used: ")]
    public void Files_that_do_not_do_are_refused_by_name(string? certificate, string? key, string message)
    {
        MakeCertificate();
        string? File(string? name) => name is null ? null : _files.File(name);
        var problem = Assert.Throws<OptionsValidationException>(
            () => ServerCertificate.Load(
                new ApiOptions { Certificate = File(certificate), CertificateKey = File(key) },
                TimeProvider.System,
                NullLogger<ServerCertificate>.Instance));
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
        Assert.Contains(certificate ?? "Api:CertificateKey", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_change_are_read_again_and_bad_ones_leave_the_old_certificate()
    {
        var time = new ManualTime();
        var log = new RecordedLog();
        var first = MakeCertificate();
        var certificate = ServerCertificate.Load(
            new ApiOptions { Certificate = _files.File("tls.crt"), CertificateKey = _files.File("tls.key") }, time, log)!;
        string Served()
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return certificate.Current.TargetCertificate.GetCertHashString();
        }

        Assert.Equal(first, Served());
        Assert.Empty(log.Entries);

        var second = MakeCertificate();
        Assert.Equal(first, certificate.Current.TargetCertificate.GetCertHashString()); // asked again within the second
        Assert.Equal(second, Served());
        Assert.Equal(LogLevel.Information, Assert.Single(log.Entries).Level);

        // Half of a change: the certificate of one pair, the key of another.
        var key = File.ReadAllText(_files.File("tls.key"));
        var third = MakeCertificate();
        var newKey = File.ReadAllText(_files.File("tls.key"));
        _files.Write("tls.key", key);
        Assert.Equal(second, Served());
        Assert.Equal(second, Served());
        Assert.Equal(LogLevel.Error, log.Entries[^1].Level);
        Assert.Equal(2, log.Entries.Count); // said once
        _files.Write("tls.key", newKey);
        Assert.Equal(third, Served());

        File.Delete(_files.File("tls.crt"));
        Assert.Equal(third, Served());
        Assert.Equal(third, Served());
        Assert.Equal((4, LogLevel.Error), (log.Entries.Count, log.Entries[^1].Level));
    }

    [Fact]
    public async Task A_new_connection_gets_the_new_certificate()
    {
        var old = MakeCertificate();
        await using var service = await TestService.StartAsync(
            ModelFolder.WithColors(), "--Api:Certificate", _files.File("tls.crt"), "--Api:CertificateKey", _files.File("tls.key"));
        Assert.Equal(old, await ServedAsync(service.Address));
        var renewed = MakeCertificate();
        while (await ServedAsync(service.Address) != renewed) // within a second
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        }

        Assert.Equal(renewed, await ServedAsync(service.GrpcAddress));
    }

    public void Dispose() => _files.Dispose();

    private static async Task<string> ServedAsync(Uri address)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
        await using var tls = new SslStream(socket.GetStream(), false, static (_, certificate, _, _) => certificate is not null);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = "localhost", ApplicationProtocols = [SslApplicationProtocol.Http2] },
            TestContext.Current.CancellationToken);
        return tls.RemoteCertificate!.GetCertHashString();
    }

    private static async Task<string> NegotiatedAsync(Uri address, params string[] protocols)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                ApplicationProtocols = [.. protocols.Select(static name => new SslApplicationProtocol(name))],
                RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null, // whose it is, is not asked here
            },
            TestContext.Current.CancellationToken);
        return tls.NegotiatedApplicationProtocol.ToString();
    }

    private string MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        _files.Write("tls.crt", certificate.ExportCertificatePem()).Write("tls.key", key.ExportPkcs8PrivateKeyPem());
        return certificate.GetCertHashString();
    }

    private sealed class RecordedLog : ILogger<ServerCertificate>
    {
        public List<(LogLevel Level, string Text)> Entries { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Entries.Add((logLevel, formatter(state, exception)));
    }
}
