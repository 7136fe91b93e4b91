using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace VisionService.Tests.Api.Urls;

/// <summary>A web server with pictures on the loopback, in https with a certificate of its own and in http.</summary>
internal sealed class ImageHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ImageHost(WebApplication app, string thumbprint)
    {
        (_app, Thumbprint) = (app, thumbprint);
        Uri[] addresses = [.. app.Urls.Select(static url => new Uri(url))];
        (Https, Http) = (addresses[0], addresses[1]);
    }

    public Uri Https { get; }

    public Uri Http { get; }

    public string Thumbprint { get; }

    /// <summary>The last request's headers, one a line.</summary>
    public string LastHeaders { get; private set; } = "";

    public static async Task<ImageHost> StartAsync()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        var certificate = new CertificateRequest("CN=images", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate));
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        var app = builder.Build();
        var host = default(ImageHost);
        app.Use((http, next) =>
        {
            host!.LastHeaders = string.Join('\n', http.Request.Headers.Select(static header => $"{header.Key}: {header.Value}"));
            return next(http);
        });
        app.MapGet("/red.png", static () => Results.Bytes(Photos.Red, "image/png"));
        app.MapGet("/green.png", static () => Results.Bytes(Photos.Green, "application/octet-stream"));
        app.MapGet("/page", static () => Results.Text("<p>", "text/html"));
        app.MapGet("/secret", static () => Results.Text("secret", statusCode: 500));
        app.MapGet("/to", static (string url) => Results.Redirect(url));
        app.MapGet("/again/{times:int}", static (int times) => Results.Redirect(times == 1 ? "/red.png" : $"/again/{times - 1}"));
        app.MapGet("/large", static () => Results.Bytes(new byte[5000], "image/png"));
        app.MapGet("/endless", static async (HttpContext http) =>
        {
            http.Response.ContentType = "image/png";
            while (!http.RequestAborted.IsCancellationRequested)
            {
                await http.Response.Body.WriteAsync(new byte[1000], http.RequestAborted);
            }
        });
        app.MapGet("/never", static (HttpContext http) => Task.Delay(Timeout.Infinite, http.RequestAborted));
        app.MapGet("/stuck", static async (HttpContext http) =>
        {
            http.Response.ContentType = "image/png";
            await http.Response.Body.WriteAsync(Photos.Red.AsMemory(0, 10), http.RequestAborted);
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return host = new ImageHost(app, certificate.GetCertHashString());
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
