using System.Net;
using System.Net.Mime;
using System.Net.Security;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using VisionService.Imaging;

namespace VisionService.Api.Urls;

/// <summary>
/// Fetches images by URL, from the hosts that <see cref="UrlOptions"/> lists. A host's addresses are checked when it is
/// connected to, and the connection goes to the very address that was checked; redirects are followed by hand and checked
/// anew. Nothing of this service goes along: no cookies, no credentials, no proxy, no trace ids.
/// </summary>
/// <remarks>What a caller is told names our limits and the URL's host, never an address or how a connection failed: that
/// would map the network.</remarks>
internal sealed class RemoteImages : IDisposable
{
    private const int MaxUrlLength = 4096;
    private const int MaxConcurrent = 4;

    private readonly UrlOptions _options;
    private readonly ApiOptions _api;
    private readonly int _maxBytes;
    private readonly string _maxBytesName;
    private readonly HttpMessageInvoker _client;

    public RemoteImages(IOptions<ApiOptions> api, IOptions<ImagingOptions> imaging)
        : this(api.Value, imaging.Value, Dns.GetHostAddressesAsync, checkCertificate: null)
    {
    }

    /// <param name="resolve">A host's addresses.</param>
    /// <param name="checkCertificate">Whom to trust; null: whom the machine trusts.</param>
    internal RemoteImages(
        ApiOptions api,
        ImagingOptions imaging,
        Func<string, CancellationToken, Task<IPAddress[]>> resolve,
        RemoteCertificateValidationCallback? checkCertificate)
    {
        (_api, _options) = (api, api.Urls);
        (_maxBytes, _maxBytesName) = imaging.MaxBytes < _options.MaxBytes
            ? (imaging.MaxBytes, EncodedImage.MaxBytesName)
            : (_options.MaxBytes, $"Api:Urls:{nameof(UrlOptions.MaxBytes)}");
        _client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            MaxConnectionsPerServer = 16,
            MaxResponseHeadersLength = 16, // kB
            PooledConnectionLifetime = TimeSpan.FromMinutes(1), // then the name is resolved, and checked, anew
            SslOptions = { RemoteCertificateValidationCallback = checkCertificate },
            ConnectCallback = (context, cancellationToken) => ConnectAsync(
                context.DnsEndPoint, IsTrusted(context.InitialRequestMessage.RequestUri!), resolve, cancellationToken),
        });
    }

    /// <summary>Fetches all images of a request.</summary>
    /// <param name="urls">As the caller wrote them.</param>
    /// <returns>One for each URL, in their order; one that could not be fetched says why when it is decoded. The caller
    /// disposes of them.</returns>
    /// <exception cref="VisionException">URLs are off, too many, take too long or too many bytes together.</exception>
    public async Task<SentImage[]> FetchAsync(IReadOnlyList<string> urls, CancellationToken cancellationToken)
    {
        if (!_options.AreAllowed)
        {
            throw new VisionException(
                VisionError.InvalidRequest,
                $"Images by URL are off here; Api:Urls:{nameof(UrlOptions.AllowedHosts)} would list hosts to fetch them from. "
                + "Send the image itself.");
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.Timeout);
        var images = new SentImage[urls.Count];
        var bytes = 0L;
        try
        {
            await Parallel.ForAsync(
                0,
                urls.Count,
                new ParallelOptions { MaxDegreeOfParallelism = MaxConcurrent, CancellationToken = patience.Token },
                async (i, token) =>
                {
                    images[i] = await FetchOrExplainAsync(urls[i], token);
                    if (Interlocked.Add(ref bytes, images[i].Length) is var sum && sum > _api.MaxRequestBytes)
                    {
                        throw new VisionException(
                            VisionError.TooLarge,
                            $"The URLs hold {sum} bytes or more; Api:{nameof(ApiOptions.MaxRequestBytes)} allows {_api.MaxRequestBytes}.");
                    }
                });
            return images;
        }
        catch (Exception exception)
        {
            Array.ForEach(images, static image => image?.Dispose());
            if (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw new VisionException(
                    VisionError.DeadlineExceeded,
                    $"Fetching took longer than Api:Urls:{nameof(UrlOptions.Timeout)} allows, {_options.Timeout.TotalSeconds} s.",
                    exception);
            }

            throw;
        }
    }

    public void Dispose() => _client.Dispose();

    private static VisionException Invalid(string message, Exception? inner = null) => new(VisionError.InvalidRequest, message, inner);

    private static VisionException Unreachable(string host, Exception? inner = null) =>
        Invalid($"The image at '{host}' could not be fetched.", inner);

    /// <summary>Connects to an address of the host that may be connected to, and to no other.</summary>
    private static async ValueTask<Stream> ConnectAsync(
        DnsEndPoint host,
        bool isTrusted,
        Func<string, CancellationToken, Task<IPAddress[]>> resolve,
        CancellationToken cancellationToken)
    {
        var found = IPAddress.TryParse(host.Host, out var literal) ? [literal] : await resolve(host.Host, cancellationToken);
        var allowed = Array.FindAll(found, address =>
            address.Reach() is var reach && (reach == AddressReach.Public || (isTrusted && reach == AddressReach.Private)));
        if (allowed.Length == 0)
        {
            throw found.Length == 0 ? Unreachable(host.Host) : Invalid($"The host '{host.Host}' of a URL is not at a public address.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, host.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<SentImage> FetchOrExplainAsync(string url, CancellationToken cancellationToken)
    {
        try
        {
            return await FetchAsync(url, cancellationToken);
        }
        catch (VisionException exception)
        {
            return new MissingImage(exception);
        }
    }

    private async Task<EncodedImage> FetchAsync(string url, CancellationToken cancellationToken)
    {
        var uri = url.Length <= MaxUrlLength && Uri.TryCreate(url, UriKind.Absolute, out var parsed)
            ? parsed
            : throw Invalid($"A URL must be absolute, with at most {MaxUrlLength} characters.");
        for (var redirects = 0; ; redirects++)
        {
            Check(uri);
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, uri);
                request.Headers.Accept.ParseAdd("image/*");
                using var response = await _client.SendAsync(request, cancellationToken);
                if (response.StatusCode is not (HttpStatusCode.Moved or HttpStatusCode.Found or HttpStatusCode.SeeOther
                    or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect)
                    || response.Headers.Location is not { } location)
                {
                    return await ReadAsync(uri, response, cancellationToken);
                }

                if (redirects == _options.MaxRedirects)
                {
                    throw Invalid(
                        $"A URL redirects more often than Api:Urls:{nameof(UrlOptions.MaxRedirects)} allows, "
                        + $"{_options.MaxRedirects} times.");
                }

                uri = new Uri(uri, location);
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException or SocketException or UriFormatException)
            {
                throw exception.InnerException as VisionException ?? Unreachable(uri.IdnHost, exception);
            }
        }
    }

    /// <summary>Whether a URL may be asked for at all, before anything is resolved.</summary>
    private void Check(Uri uri)
    {
        if (uri.UserInfo.Length > 0)
        {
            throw Invalid("A URL must hold no user name and no password.");
        }

        if (IsTrusted(uri))
        {
            return;
        }

        if (uri.Scheme != Uri.UriSchemeHttps || !uri.IsDefaultPort)
        {
            throw Invalid("A URL must be of https, on port 443.");
        }

        if (!_options.AllowedHosts.Any(host => Matches(host, uri.IdnHost)))
        {
            throw Invalid($"The host '{uri.IdnHost}' of a URL is not among Api:Urls:{nameof(UrlOptions.AllowedHosts)}.");
        }
    }

    private bool IsTrusted(Uri uri) => _options.TrustedOrigins.Any(origin =>
        Uri.Compare(uri, new Uri(origin), UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0);

    private static bool Matches(string pattern, string host) => pattern.StartsWith("*.", StringComparison.Ordinal)
        ? host.Length >= pattern.Length && host.EndsWith(pattern[1..], StringComparison.OrdinalIgnoreCase)
        : host.Equals(pattern, StringComparison.OrdinalIgnoreCase);

    private async Task<EncodedImage> ReadAsync(Uri uri, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw Invalid($"'{uri.IdnHost}' answers a URL with {(int)response.StatusCode}.");
        }

        var type = response.Content.Headers.ContentType?.MediaType ?? "";
        if (!type.StartsWith("image/", StringComparison.OrdinalIgnoreCase)
            && !type.Equals(MediaTypeNames.Application.Octet, StringComparison.OrdinalIgnoreCase))
        {
            throw Invalid(
                $"'{uri.IdnHost}' answers a URL with the type '{type}'; image/* or {MediaTypeNames.Application.Octet} is understood.");
        }

        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        return await EncodedImage.ReadAsync(body, response.Content.Headers.ContentLength, _maxBytes, _maxBytesName, cancellationToken);
    }

    /// <summary>Stands for an image that could not be fetched among those that could.</summary>
    private sealed class MissingImage(VisionException problem) : SentImage
    {
        public override int Length => 0;

        public override RgbImage Decode(ImageDecoder decoder, InputGeometry? geometry) => throw problem;

        public override void Dispose()
        {
            // There is nothing.
        }
    }
}
