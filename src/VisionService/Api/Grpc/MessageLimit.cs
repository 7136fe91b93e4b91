using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Pipelines;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace VisionService.Api.Grpc;

/// <summary>What a request's bytes may be. A message is refused by the length that it announces, before any of it is read, naming
/// the limit and the value. The library has the same limit, which catches what is seen later: further messages of a stream, and
/// what is large only once it is decompressed.</summary>
internal sealed class MessageLimit(RequestDelegate next, IOptions<ApiOptions> options)
{
    // A flag and the length: what stands before each message.
    private const int PrefixBytes = 5;

    private const string UnknownStatus = "2";

    private static readonly object StartKey = new();

    /// <summary>How long a call has taken, its upload included.</summary>
    public static TimeSpan Elapsed(HttpContext http) => Stopwatch.GetElapsedTime((long)http.Items[StartKey]!);

    public async Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is not { Method: var method })
        {
            await next(http);
            return;
        }

        http.Items[StartKey] = Stopwatch.GetTimestamp();

        // Messages are limited one by one: a stream may last for ever.
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
        {
            body.MaxRequestBodySize = null;
        }

        var limit = options.Value.MaxRequestBytes;
        if (method.Type is MethodType.Unary or MethodType.ServerStreaming
            && await LengthAsync(http.Request.BodyReader, http.RequestAborted) is { } length && length > limit)
        {
            http.Response.ContentType = "application/grpc";
            RpcProblems.Write(
                http.Response.Headers,
                new VisionException(
                    VisionError.TooLarge, $"The request has {length} bytes; Api:{nameof(ApiOptions.MaxRequestBytes)} allows {limit}."),
                http);
            return;
        }

        await next(http);

        // Whatever a method throws has a status of its own; unknown is what the library makes of bytes that are no message.
        var trailers = http.Response.HasStarted ? http.Features.Get<IHttpResponseTrailersFeature>()?.Trailers : http.Response.Headers;
        if (trailers is { IsReadOnly: false } && trailers["grpc-status"] == UnknownStatus)
        {
            RpcProblems.Write(trailers, RequestReader.Unreadable(), http);
        }
    }

    /// <summary>Looks at the first message's prefix and leaves everything unread; null where the body ends before.</summary>
    private static async ValueTask<uint?> LengthAsync(PipeReader body, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await body.ReadAsync(cancellationToken);
            if (read.Buffer.Length >= PrefixBytes)
            {
                var length = Length(read.Buffer);
                body.AdvanceTo(read.Buffer.Start);
                return length;
            }

            body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted || read.IsCanceled)
            {
                return null;
            }
        }
    }

    private static uint Length(ReadOnlySequence<byte> body)
    {
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        body.Slice(0, PrefixBytes).CopyTo(prefix);
        return BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
    }
}
