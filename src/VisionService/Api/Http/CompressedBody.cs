using System.IO.Compression;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace VisionService.Api.Http;

/// <summary>Inflates bodies that say <c>Content-Encoding: gzip</c> or <c>deflate</c>, as Triton's clients send them, up to
/// <see cref="ApiOptions.MaxRequestBytes"/>; other encodings are refused. Nothing is inflated before it is read.</summary>
internal sealed class CompressedBody(RequestDelegate next, IOptions<ApiOptions> options)
{
    private const string Understood = "gzip, deflate";

    public async Task InvokeAsync(HttpContext http)
    {
        var request = http.Request;
        var encoding = request.Headers.ContentEncoding.ToString();
        if (encoding.Length == 0 || encoding.Equals("identity", StringComparison.OrdinalIgnoreCase))
        {
            await next(http);
            return;
        }

        var compressed = request.Body;
        await using var inflated = new Inflated(Open(compressed), encoding, options.Value.MaxRequestBytes);
        request.Body = inflated;
        request.Headers.ContentLength = null; // of what it was
        request.Headers.Remove(HeaderNames.ContentEncoding);
        try
        {
            await next(http);
        }
        finally
        {
            request.Body = compressed;
        }

        Stream Open(Stream body)
        {
            switch (encoding.ToLowerInvariant())
            {
                case "gzip" or "x-gzip":
                    return new GZipStream(body, CompressionMode.Decompress, leaveOpen: true);
                case "deflate":
                    return new ZLibStream(body, CompressionMode.Decompress, leaveOpen: true);
                default:
                    http.Response.Headers.AcceptEncoding = Understood;
                    throw new VisionException(
                        VisionError.UnsupportedMediaType,
                        $"A body in the encoding '{encoding}' is not understood; send {Understood}, or the body as it is.");
            }
        }
    }

    /// <summary>What comes out of a decompressor, with an end to it.</summary>
    private sealed class Inflated(Stream source, string encoding, int limit) : Stream
    {
        private long _inflated;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int read;
            try
            {
                read = await source.ReadAsync(buffer, cancellationToken);
            }
            catch (InvalidDataException exception)
            {
                throw new VisionException(VisionError.InvalidRequest, $"The body is not valid {encoding}.", exception);
            }

            _inflated += read;
            return _inflated <= limit ? read : throw new VisionException(
                VisionError.TooLarge,
                $"The request has more than {limit} bytes once inflated; Api:{nameof(ApiOptions.MaxRequestBytes)} allows {limit}.");
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override async ValueTask DisposeAsync()
        {
            await source.DisposeAsync();
            await base.DisposeAsync();
        }
    }
}
