using System.IO.Compression;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace VisionService.Api.Http;

/// <summary>
/// What endpoints read of a request: counted by <see cref="BodyMemory"/>, and inflated where it says
/// <c>Content-Encoding: gzip</c> or <c>deflate</c>, as Triton's clients send it, up to <see cref="ApiOptions.MaxRequestBytes"/>;
/// other encodings are refused. Nothing is inflated before it is read. gRPC has messages, which <c>MessageLimit</c> counts.
/// </summary>
internal sealed class RequestBody(RequestDelegate next, BodyMemory memory, IOptions<ApiOptions> options)
{
    private const string Understood = "gzip, deflate";

    public async Task InvokeAsync(HttpContext http)
    {
        var request = http.Request;
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == false
            || http.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is not null)
        {
            await next(http);
            return;
        }

        using var part = memory.Open();
        var sent = request.Body;
        var encoding = request.Headers.ContentEncoding.ToString();
        var isPlain = encoding.Length == 0 || encoding.Equals("identity", StringComparison.OrdinalIgnoreCase);
        await using var body = isPlain
            ? new Counted(sent, part)
            : new Counted(Open(sent), part) { Encoding = encoding, Limit = options.Value.MaxRequestBytes };
        request.Body = body;
        if (!isPlain)
        {
            request.Headers.ContentLength = null; // of what it was
            request.Headers.Remove(HeaderNames.ContentEncoding);
        }

        try
        {
            await next(http);
        }
        finally
        {
            request.Body = sent;
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

    /// <summary>A body, or what comes out of a decompressor, with an end to it.</summary>
    private sealed class Counted(Stream source, BodyMemory.Part part) : Stream
    {
        private long _inflated;

        /// <summary>How the body was compressed; null: not at all, and the source stays the request's.</summary>
        public string? Encoding { get; init; }

        /// <summary>Most bytes to inflate.</summary>
        public int Limit { get; init; }

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
            catch (InvalidDataException exception) when (Encoding is not null)
            {
                throw new VisionException(VisionError.InvalidRequest, $"The body is not valid {Encoding}.", exception);
            }

            _inflated += read;
            if (Encoding is not null && _inflated > Limit)
            {
                throw new VisionException(
                    VisionError.TooLarge,
                    $"The request has more than {Limit} bytes once inflated; Api:{nameof(ApiOptions.MaxRequestBytes)} allows {Limit}.");
            }

            part.Add(read);
            return read;
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
            if (Encoding is not null)
            {
                await source.DisposeAsync();
            }

            await base.DisposeAsync();
        }
    }
}
