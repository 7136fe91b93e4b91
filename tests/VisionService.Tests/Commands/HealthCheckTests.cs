using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace VisionService.Tests.Commands;

/// <summary>The check of a container: an exit code, and one line for whoever reads the container's record.</summary>
public class HealthCheckTests
{
    [Fact]
    public async Task A_ready_service_is_healthy_and_its_report_is_one_line()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        var (code, output, errors) = await CommandProcess.RunAsync("health", "--url", service.Address.ToString());
        Assert.Equal((0, ""), (code, errors));
        Assert.StartsWith("200 {\"status\":\"ready\"", Assert.Single(output.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_settings_of_the_service_find_it()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        var (code, output, errors) = await CommandProcess.RunAsync("health", "--http-port", $"{service.Address.Port}");
        Assert.Equal((0, ""), (code, errors));
        Assert.StartsWith("200 ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Over_TLS_it_must_be_the_service_with_the_configured_certificate()
    {
        using var files = new ModelFolder();
        string[] ours = MakeCertificate(files, "ours"), others = MakeCertificate(files, "others");
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(), ours);
        string[] check = ["health", "--http-port", $"{service.Address.Port}"];
        Assert.Equal(0, (await CommandProcess.RunAsync([.. check, .. ours])).Code);
        Assert.Equal(1, (await CommandProcess.RunAsync([.. check, .. others])).Code);
    }

    [Fact]
    public async Task A_service_without_a_model_that_serves_is_not_healthy()
    {
        await using var service = await TestService.StartAsync(new ModelFolder().Write("page.onnx", "<html>"));
        var (code, output, _) = await CommandProcess.RunAsync("health", "--url", service.Address.ToString());
        Assert.Equal(1, code);
        Assert.StartsWith("503 {\"status\":\"unavailable\"", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_path_of_a_url_is_asked_as_it_is()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        Assert.Equal(
            (0, "200 live\n", ""), await CommandProcess.RunAsync("health", "--url", new Uri(service.Address, "/livez").ToString()));
    }

    [Fact]
    public async Task Nobody_there_is_not_healthy()
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        var port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        var (code, output, errors) = await CommandProcess.RunAsync("health", "--http-port", $"{port}");
        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith($"http://127.0.0.1:{port}/readyz does not answer: ", Assert.Single(errors.TrimEnd('\n').Split('\n')));
    }

    [Theory]
    [InlineData("--url must be an http or https URL, not 'localhost'.", "health", "--url", "localhost")]
    [InlineData("The field Api:HttpPort must be between 0 and 65535.", "health", "--http-port", "70000")]
    public Task A_mistake_is_one_line(string line, params string[] arguments) => CommandProcess.MustFailAsync(line, arguments);

    /// <summary>The options that have a service speak TLS with a certificate made for somebody else's name.</summary>
    private static string[] MakeCertificate(ModelFolder files, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = new CertificateRequest("CN=vision.example.com", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        files.Write($"{name}.crt", certificate.ExportCertificatePem()).Write($"{name}.key", key.ExportPkcs8PrivateKeyPem());
        return ["--Api:Certificate", files.File($"{name}.crt"), "--Api:CertificateKey", files.File($"{name}.key")];
    }
}
