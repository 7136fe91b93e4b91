using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace VisionService.Api;

/// <summary>What Kestrel is told about what clients may do to it.</summary>
internal static class ConnectionLimits
{
    // Each HTTP/2 connection opens with these many bytes, the same always.
    private const int Http2PrefaceBytes = 24;

    public static void Apply(KestrelServerLimits limits, ApiOptions api)
    {
        var connections = api.Connections;
        limits.MaxConcurrentConnections = connections.Max;
        limits.RequestHeadersTimeout = connections.HeaderTimeout;
        limits.KeepAliveTimeout = connections.IdleTimeout;

        // Five seconds: what a client may need to start with, on a line that loses packets.
        limits.MinRequestBodyDataRate = limits.MinResponseDataRate = connections.MinBytesPerSecond == 0
            ? null
            : new MinDataRate(connections.MinBytesPerSecond, TimeSpan.FromSeconds(5));

        // A request of ours has a dozen headers, and no URL of ours is long.
        limits.MaxRequestHeaderCount = 64;
        limits.MaxRequestHeadersTotalSize = 16 * 1024;
        limits.MaxRequestLineSize = 8 * 1024;
        limits.Http2.MaxRequestHeaderFieldSize = 16 * 1024;

        // A stream in flight is a request in memory; a client that is gone without a word is noticed after a minute.
        limits.Http2.MaxStreamsPerConnection = connections.MaxStreams;
        limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(40);
        limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);

        // Our own limit answers first, with its name; this one catches bodies that do not say how long they are.
        limits.MaxRequestBodySize = api.MaxRequestBytes;
    }

    /// <summary>Closes a new connection that has not begun to speak HTTP in time; Kestrel's own clocks start with the first
    /// byte, or are as long as an idle connection's. To be called after TLS is set up: it looks at what was encrypted, and a
    /// handshake has its own ten seconds.</summary>
    public static void CloseSilent(this ListenOptions listen, TimeSpan timeout)
    {
        var opening = listen.Protocols == HttpProtocols.Http2 ? Http2PrefaceBytes : 1;
        listen.Use(next => async connection =>
        {
            if (await SpeaksAsync(connection, opening, timeout))
            {
                await next(connection);
            }
        });
    }

    private static async Task<bool> SpeaksAsync(ConnectionContext connection, int bytes, TimeSpan timeout)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
        patience.CancelAfter(timeout);
        try
        {
            while (true)
            {
                var read = await connection.Transport.Input.ReadAsync(patience.Token);
                var enough = read.IsCompleted || read.Buffer.Length >= bytes;
                connection.Transport.Input.AdvanceTo(read.Buffer.Start, enough ? read.Buffer.Start : read.Buffer.End);
                if (enough)
                {
                    return true;
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            connection.Abort(new ConnectionAbortedException("The connection did not speak."));
            return false;
        }
    }
}
