using System.Net;
using System.Net.Security;
using VisionService.Api;
using VisionService.Api.Urls;
using VisionService.Imaging;

namespace VisionService.Tests.Api.Urls;

/// <summary>What is fetched and what is refused, against a real server.</summary>
public sealed class RemoteImagesTests : IAsyncLifetime
{
    private ImageHost _host = null!;

    public async ValueTask InitializeAsync() => _host = await ImageHost.StartAsync();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Theory]
    [InlineData("https")]
    [InlineData("http")]
    public async Task A_trusted_origin_is_fetched_from_wherever_it_is(string scheme)
    {
        var origin = scheme == "https" ? _host.Https : _host.Http;
        using var remote = New(trusted: [origin.ToString()]);
        Assert.Equal([Photos.Red, Photos.Green], await FetchAsync(remote, $"{origin}red.png", $"{origin}green.png"));
    }

    [Fact]
    public async Task Nothing_of_ours_goes_along()
    {
        using var activity = new System.Diagnostics.Activity("test").Start();
        using var remote = New(trusted: [_host.Http.ToString()]);
        await FetchAsync(remote, $"{_host.Http}red.png");
        Assert.Equal($"Accept: image/*\nHost: {_host.Http.Authority}", _host.LastHeaders);
    }

    [Fact]
    public async Task A_certificate_that_nobody_trusts_is_refused()
    {
        using var remote = New(trusted: [_host.Https.ToString()], trust: (_, _, _, errors) => errors == SslPolicyErrors.None);
        Assert.Equal("The image at '127.0.0.1' could not be fetched.", await ProblemAsync(remote, $"{_host.Https}red.png"));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("10.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::1")]
    [InlineData("fe80::1")]
    public async Task A_listed_host_with_an_address_that_is_not_public_is_refused(string address)
    {
        using var remote = New(allowed: ["images.example.com"], resolve: _ => [IPAddress.Parse(address)]);
        Assert.Equal(
            "The host 'images.example.com' of a URL is not at a public address.",
            await ProblemAsync(remote, "https://images.example.com/red.png"));
    }

    [Fact]
    public async Task A_trusted_origin_may_not_be_where_clouds_keep_credentials()
    {
        using var remote = New(trusted: ["http://minio:9000"], resolve: static _ => [IPAddress.Parse("169.254.169.254")]);
        Assert.Equal("The host 'minio' of a URL is not at a public address.", await ProblemAsync(remote, "http://minio:9000/red.png"));
    }

    [Fact]
    public async Task The_address_that_was_checked_is_the_one_connected_to()
    {
        // A name server that says something else each time it is asked.
        var asked = 0;
        using var remote = New(
            trusted: [$"http://rebound:{_host.Http.Port}"],
            resolve: _ => asked++ == 0 ? [IPAddress.Parse("169.254.169.254"), IPAddress.Loopback] : [IPAddress.Parse("169.254.169.254")]);
        Assert.Equal([Photos.Red], await FetchAsync(remote, $"http://rebound:{_host.Http.Port}/red.png"));
        Assert.Equal(1, asked);
    }

    [Theory]
    [InlineData("https://other.example.com/x.png", "The host 'other.example.com' of a URL is not among Api:Urls:AllowedHosts.")]
    [InlineData("https://images.example.com.evil.org/", "The host 'images.example.com.evil.org' of a URL is not among Api:Urls:AllowedHosts.")]
    [InlineData("https://example.net/", "The host 'example.net' of a URL is not among Api:Urls:AllowedHosts.")]
    [InlineData("https://evilexample.net/", "The host 'evilexample.net' of a URL is not among Api:Urls:AllowedHosts.")]
    [InlineData("https://127.0.0.1/", "The host '127.0.0.1' of a URL is not among Api:Urls:AllowedHosts.")]
    [InlineData("https://2130706433/", "The host '127.0.0.1' of a URL is not among Api:Urls:AllowedHosts.")]
    [InlineData("https://0x7f.1/", "The host '127.0.0.1' of a URL is not among Api:Urls:AllowedHosts.")]
    [InlineData("https://[::1]/", "The host '::1' of a URL is not among Api:Urls:AllowedHosts.")]
    [InlineData("http://images.example.com/x.png", "A URL must be of https, on port 443.")]
    [InlineData("https://images.example.com:8443/", "A URL must be of https, on port 443.")]
    [InlineData("file:///etc/passwd", "A URL must be of https, on port 443.")]
    [InlineData("ftp://images.example.com/", "A URL must be of https, on port 443.")]
    [InlineData("gopher://images.example.com/", "A URL must be of https, on port 443.")]
    [InlineData("https://user:pass@images.example.com/", "A URL must hold no user name and no password.")]
    [InlineData("https://images.example.com@evil.org/", "A URL must hold no user name and no password.")]
    [InlineData("/x.png", "A URL must be of https, on port 443.")] // on Unix, a path is a file: URL
    [InlineData("x.png", "A URL must be absolute, with at most 4096 characters.")]
    public async Task What_is_not_listed_is_not_even_resolved(string url, string problem)
    {
        using var remote = New(
            allowed: ["images.example.com", "*.example.net"],
            resolve: static host => throw new InvalidOperationException($"{host} was resolved"));
        Assert.Equal(problem, await ProblemAsync(remote, url));
    }

    [Theory]
    [InlineData("https://images.example.com/")]
    [InlineData("https://IMAGES.EXAMPLE.COM:443/")]
    [InlineData("https://a.example.net/")]
    [InlineData("https://a.b.example.net/")]
    public async Task What_is_listed_is_resolved(string url)
    {
        using var remote = New(allowed: ["images.example.com", "*.example.net"], resolve: static _ => []);
        Assert.EndsWith("could not be fetched.", await ProblemAsync(remote, url), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("again/3", null)]
    [InlineData("again/4", "A URL redirects more often than Api:Urls:MaxRedirects allows, 3 times.")]
    [InlineData("to?url=http://127.0.0.1:1/", "A URL must be of https, on port 443.")]
    [InlineData("to?url=https://169.254.169.254/latest/meta-data/", "The host '169.254.169.254' of a URL is not among Api:Urls:AllowedHosts.")]
    [InlineData("to?url=https://inside.example.com/", "The host 'inside.example.com' of a URL is not at a public address.")]
    [InlineData("to?url=file:///etc/passwd", "A URL must be of https, on port 443.")]
    [InlineData("page", "'127.0.0.1' answers a URL with the type 'text/html'; image/* or application/octet-stream is understood.")]
    [InlineData("secret", "'127.0.0.1' answers a URL with 500.")]
    [InlineData("nowhere", "'127.0.0.1' answers a URL with 404.")]
    [InlineData("large", "The upload has 5000 bytes; Api:Urls:MaxBytes allows 4000.")]
    [InlineData("endless", "The upload has more than 4000 bytes; Api:Urls:MaxBytes allows 4000.")]
    public async Task What_a_server_answers_is_checked(string path, string? problem)
    {
        using var remote = New(
            allowed: ["inside.example.com"], trusted: [_host.Http.ToString()], resolve: static _ => [IPAddress.Parse("10.1.2.3")]);
        if (problem is null)
        {
            Assert.Equal([Photos.Red], await FetchAsync(remote, $"{_host.Http}{path}"));
        }
        else
        {
            Assert.Equal(problem, await ProblemAsync(remote, $"{_host.Http}{path}"));
        }
    }

    [Theory]
    [InlineData("never")]
    [InlineData("stuck")]
    public async Task A_server_that_takes_too_long_is_given_up(string path)
    {
        using var remote = New(trusted: [_host.Http.ToString()], timeout: TimeSpan.FromSeconds(0.2));
        var late = await Assert.ThrowsAsync<VisionException>(() => FetchAsync(remote, $"{_host.Http}{path}"));
        Assert.Equal(
            (VisionError.DeadlineExceeded, "Fetching took longer than Api:Urls:Timeout allows, 0.2 s."), (late.Error, late.Message));
    }

    [Fact]
    public async Task All_images_of_a_request_together_keep_to_its_limit()
    {
        using var remote = New(trusted: [_host.Http.ToString()], maxRequestBytes: (2 * Photos.Red.Length) + 1);
        var url = $"{_host.Http}red.png";
        Assert.Equal(2, (await FetchAsync(remote, url, url)).Length);
        var refused = await Assert.ThrowsAsync<VisionException>(() => FetchAsync(remote, url, url, url));
        Assert.Equal(VisionError.TooLarge, refused.Error);
        Assert.Contains($"Api:MaxRequestBytes allows {(2 * Photos.Red.Length) + 1}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_closed_port_and_an_unknown_name_look_alike()
    {
        using var remote = New(
            trusted: ["http://127.0.0.1:1", "http://nowhere:80"],
            resolve: static _ => throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.HostNotFound));
        Assert.Equal("The image at '127.0.0.1' could not be fetched.", await ProblemAsync(remote, "http://127.0.0.1:1/"));
        Assert.Equal("The image at 'nowhere' could not be fetched.", await ProblemAsync(remote, "http://nowhere/"));
    }

    private static async Task<byte[][]> FetchAsync(RemoteImages remote, params string[] urls)
    {
        var images = await remote.FetchAsync(urls, TestContext.Current.CancellationToken);
        try
        {
            return Array.ConvertAll(images, static image => Assert.IsType<EncodedImage>(image).Bytes.ToArray());
        }
        finally
        {
            Array.ForEach(images, static image => image.Dispose());
        }
    }

    /// <summary>What is said where the image would be decoded.</summary>
    private static async Task<string> ProblemAsync(RemoteImages remote, string url)
    {
        using var image = Assert.Single(await remote.FetchAsync([url], TestContext.Current.CancellationToken));
        return Assert.Throws<VisionException>(() => image.Decode(new ImageDecoder(new ImagingOptions()), null)).Message;
    }

    private RemoteImages New(
        string[]? allowed = null,
        string[]? trusted = null,
        Func<string, IPAddress[]>? resolve = null,
        RemoteCertificateValidationCallback? trust = null,
        TimeSpan? timeout = null,
        int maxRequestBytes = 1_000_000)
    {
        var urls = new UrlOptions { MaxBytes = 4000, Timeout = timeout ?? TimeSpan.FromSeconds(30) };
        Array.ForEach(allowed ?? [], urls.AllowedHosts.Add);
        Array.ForEach(trusted ?? [], urls.TrustedOrigins.Add);
        return new RemoteImages(
            new ApiOptions { Urls = urls, MaxRequestBytes = maxRequestBytes },
            new ImagingOptions(),
            (host, _) => Task.FromResult((resolve ?? (static _ => [IPAddress.Loopback]))(host)),
            trust ?? ((_, certificate, _, _) => certificate?.GetCertHashString() == _host.Thumbprint));
    }
}
