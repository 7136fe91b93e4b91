using System.Net.Mime;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using VisionService.Api.Urls;
using VisionService.Imaging;

namespace VisionService.Api.Http;

/// <summary>What a request to one of the four tasks holds, in whichever form it came: images and parameters.</summary>
internal sealed class VisionRequest : IDisposable
{
    private const string MaxRequestBytesName = $"Api:{nameof(ApiOptions.MaxRequestBytes)}";

    // The header form of timeout_ms, for callers and proxies that cannot touch the query.
    private const string TimeoutHeader = "X-Request-Timeout-Ms";

    // A parameter is a short text; a form field longer than this is a mistake.
    private const int MaxFieldBytes = 64 * 1024;

    // Many times what any task knows; a body could name millions.
    private const int MaxParameters = 256;

    private readonly List<SentImage> _images = [];
    private readonly List<string> _urls = [];
    private readonly List<(string Name, IReadOnlyList<string> Values)> _said = [];

    private readonly HttpRequest _http;
    private readonly ApiOptions _api;
    private readonly ImagingOptions _imaging;
    private readonly RemoteImages _remote;
    private readonly MediaTypeHeaderValue _type;

    /// <summary>Looks at the head; <see cref="ReadAsync"/> reads the body.</summary>
    /// <exception cref="VisionException">The body says that it is too large, or of an unknown form.</exception>
    public VisionRequest(HttpRequest http, ApiOptions api, ImagingOptions imaging, RemoteImages remote)
    {
        (_http, _api, _imaging, _remote) = (http, api, imaging, remote);
        foreach (var (name, values) in http.Query)
        {
            _said.Add((name, values.OfType<string>().ToArray()));
        }

        if (http.Headers[TimeoutHeader] is [{ } timeout, ..])
        {
            _said.Add(("timeout_ms", [timeout]));
        }

        if (http.ContentLength > api.MaxRequestBytes)
        {
            throw new VisionException(
                VisionError.TooLarge,
                $"The request has {http.ContentLength} bytes; {MaxRequestBytesName} allows {api.MaxRequestBytes}.");
        }

        // Without a content type the bytes are what RFC 9110 lets us assume: an octet stream.
        var text = http.ContentType ?? MediaTypeNames.Application.Octet;
        _type = MediaTypeHeaderValue.TryParse(text, out var type) ? type : throw Unsupported(text);
        IsOneImage = type.Type.Equals("image", StringComparison.OrdinalIgnoreCase) || Is(type, MediaTypeNames.Application.Octet);
        if (!IsOneImage && !Is(type, MediaTypeNames.Multipart.FormData) && !Is(type, MediaTypeNames.Application.Json))
        {
            throw Unsupported(text);
        }
    }

    /// <summary>Whether the body is the bytes of one image, and all parameters are known without it.</summary>
    public bool IsOneImage { get; }

    public IReadOnlyList<SentImage> Images => _images;

    /// <summary>Parameters as the caller said them, not yet checked.</summary>
    public IReadOnlyList<(string Name, IReadOnlyList<string> Values)> Said => _said;

    /// <summary>Whether the caller asked for a list of results, even one of a single image.</summary>
    public bool WantsList { get; private set; }

    /// <exception cref="VisionException">The body is malformed, too large, or holds no image.</exception>
    public async Task ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            await (IsOneImage ? ReadRawAsync(_http, _imaging, cancellationToken)
                : Is(_type, MediaTypeNames.Multipart.FormData) ? ReadMultipartAsync(_http, _type, _api, _imaging, cancellationToken)
                : ReadJsonAsync(_http, _api, _imaging, cancellationToken));
            if (_urls.Count > 0)
            {
                await FetchAsync(cancellationToken);
            }

            if (_images.Count == 0)
            {
                throw new VisionException(VisionError.InvalidRequest, "The request holds no image.");
            }
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            // Kestrel's word on a body that did not say how long it is, in ours.
            throw new VisionException(
                VisionError.TooLarge,
                $"The request has more than {_api.MaxRequestBytes} bytes; {MaxRequestBytesName} allows {_api.MaxRequestBytes}.",
                exception);
        }
        catch (Exception exception) when (exception is InvalidDataException || (exception is IOException and not BadHttpRequestException))
        {
            throw new VisionException(VisionError.InvalidRequest, $"The body cannot be read: {exception.Message}", exception);
        }
    }

    public void Dispose()
    {
        foreach (var image in _images)
        {
            image.Dispose();
        }
    }

    private static bool Is(MediaTypeHeaderValue type, string name) =>
        type.MediaType.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static VisionException Unsupported(string type) => new(
        VisionError.UnsupportedMediaType,
        $"A body of type '{type}' is not understood; send image/*, application/octet-stream, multipart/form-data or application/json.");

    private async Task ReadRawAsync(HttpRequest http, ImagingOptions imaging, CancellationToken cancellationToken)
    {
        var image = await EncodedImage.ReadAsync(
            http.Body, http.ContentLength, imaging.MaxBytes, EncodedImage.MaxBytesName, cancellationToken);
        if (image.Bytes.IsEmpty)
        {
            image.Dispose();
            return;
        }

        _images.Add(image);
    }

    /// <summary>Parts are read one after the other into pooled memory; nothing goes through a temporary file.</summary>
    private async Task ReadMultipartAsync(
        HttpRequest http, MediaTypeHeaderValue type, ApiOptions api, ImagingOptions imaging, CancellationToken cancellationToken)
    {
        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary);
        if (boundary.Length is 0 or > 70)
        {
            throw new VisionException(
                VisionError.InvalidRequest, $"The multipart boundary must have 1 to 70 characters, not {boundary.Length}.");
        }

        var reader = new MultipartReader(boundary.ToString(), http.Body);
        while (await reader.ReadNextSectionAsync(cancellationToken) is { } section)
        {
            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition))
            {
                throw new VisionException(VisionError.InvalidRequest, "A part of the form has no Content-Disposition.");
            }

            if (IsFile(disposition, section.ContentType))
            {
                var image = await EncodedImage.ReadAsync(section.Body, null, imaging.MaxBytes, EncodedImage.MaxBytesName, cancellationToken);
                if (image.Bytes.IsEmpty && HeaderUtilities.RemoveQuotes(disposition.FileName).Length == 0)
                {
                    // A form's file field that nobody touched: nothing was said.
                    image.Dispose();
                    continue;
                }

                Add(image, api);
                continue;
            }

            var name = HeaderUtilities.RemoveQuotes(disposition.Name).ToString();
            using var field = await EncodedImage.ReadAsync(
                section.Body, null, MaxFieldBytes, $"a form field ('{name}')", cancellationToken);
            var value = System.Text.Encoding.UTF8.GetString(field.Bytes.Span);

            // Browsers send a form's untouched fields as empty texts: nothing was said.
            if (value.Length > 0)
            {
                Say(name, [value]);
            }
        }
    }

    private static bool IsFile(ContentDispositionHeaderValue disposition, string? contentType) =>
        disposition.FileName.HasValue || disposition.FileNameStar.HasValue
        || (MediaTypeHeaderValue.TryParse(contentType, out var type)
            && (type.Type.Equals("image", StringComparison.OrdinalIgnoreCase) || Is(type, MediaTypeNames.Application.Octet)));

    private async Task ReadJsonAsync(
        HttpRequest http, ApiOptions api, ImagingOptions imaging, CancellationToken cancellationToken)
    {
        using var body = await EncodedImage.ReadAsync(
            http.Body, http.ContentLength, api.MaxRequestBytes, MaxRequestBytesName, cancellationToken);
        var json = new JsonRequestBody(imaging.MaxBytes, EncodedImage.MaxBytesName);
        WantsList = json.Read(body.Bytes.Span, image => Add(image, api), url => AddUrl(url, api), Say);
    }

    private async Task FetchAsync(CancellationToken cancellationToken)
    {
        if (_images.Count > 0)
        {
            throw new VisionException(VisionError.InvalidRequest, "Send images or URLs of images in one request, not both.");
        }

        _images.AddRange(await _remote.FetchAsync(_urls, cancellationToken));
    }

    private void Say(string name, IReadOnlyList<string> values)
    {
        _said.Add((name, values));
        if (_said.Count > MaxParameters)
        {
            throw new VisionException(VisionError.TooLarge, $"The request has more than {MaxParameters} parameters.");
        }
    }

    private void Add(EncodedImage image, ApiOptions api)
    {
        _images.Add(image);
        RefuseTooMany(_images.Count, api);
    }

    private void AddUrl(string url, ApiOptions api)
    {
        _urls.Add(url);
        RefuseTooMany(_urls.Count, api);
    }

    private static void RefuseTooMany(int images, ApiOptions api)
    {
        if (images > api.MaxImages)
        {
            throw new VisionException(
                VisionError.TooLarge,
                $"The request has more than {api.MaxImages} images; Api:{nameof(ApiOptions.MaxImages)} allows no more.");
        }
    }
}
