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
internal sealed class MessageLimit(RequestDelegate next, BodyMemory memory, IOptions<ApiOptions> options)
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

        using var part = memory.Open();
        try
        {
            if (method.Type is MethodType.Unary or MethodType.ServerStreaming)
            {
                await CollectAsync(http.Request.BodyReader, part, http.RequestAborted);
            }
        }
        catch (VisionException refusal)
        {
            http.Response.ContentType = "application/grpc";
            RpcProblems.Write(http.Response.Headers, refusal, http);
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

    /// <summary>Waits until a whole message is there, or the body ends, and leaves all of it unread, where the library would
    /// collect it too.</summary>
    /// <exception cref="VisionException">It is too large, or all of them together are.</exception>
    private async ValueTask CollectAsync(PipeReader body, BodyMemory.Part part, CancellationToken cancellationToken)
    {
        var limit = options.Value.MaxRequestBytes;
        for (var counted = 0L; ;)
        {
            var read = await body.ReadAsync(cancellationToken);
            var buffer = read.Buffer;
            var length = buffer.Length >= PrefixBytes ? Length(buffer) : (uint?)null;
            if (length > limit)
            {
                body.AdvanceTo(buffer.Start);
                throw new VisionException(
                    VisionError.TooLarge, $"The request has {length} bytes; Api:{nameof(ApiOptions.MaxRequestBytes)} allows {limit}.");
            }

            var isWhole = buffer.Length >= PrefixBytes + length || read.IsCompleted || read.IsCanceled;
            body.AdvanceTo(buffer.Start, isWhole ? buffer.Start : buffer.End);
            part.Add(buffer.Length - counted);
            counted = buffer.Length;
            if (isWhole)
            {
                return;
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
