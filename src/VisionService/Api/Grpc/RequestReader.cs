using Grpc.Core;

namespace VisionService.Api.Grpc;

/// <summary>A stream of requests that ends with <see cref="VisionError.Draining"/> once the server stops: Kestrel waits for
/// calls, and a client may hold one open for days.</summary>
internal sealed class RequestReader<T>(IAsyncStreamReader<T> requests, CancellationToken stopping) : IAsyncStreamReader<T>
{
    public T Current => requests.Current;

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping);
        try
        {
            return await requests.MoveNext(either.Token);
        }
        catch (Exception) when (stopping.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw RequestReader.Stopping();
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested && (exception is IOException or InvalidDataException))
        {
            // Protobuf's own exception is one of these too.
            throw RequestReader.Unreadable(exception);
        }
    }
}

/// <summary>How the reading of requests ends where it does not end well.</summary>
internal static class RequestReader
{
    public static VisionException Stopping() =>
        new(VisionError.Draining, "The server is shutting down.") { RetryAfter = TimeSpan.FromSeconds(1) };

    public static VisionException Unreadable(Exception? inner = null) =>
        new(VisionError.InvalidRequest, "The bytes are no message of the kind that this method takes.", inner);
}
