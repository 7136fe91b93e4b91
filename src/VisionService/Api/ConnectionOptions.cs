using System.ComponentModel.DataAnnotations;

namespace VisionService.Api;

/// <summary>What a connection may cost; section <c>Api:Connections</c>.</summary>
internal sealed class ConnectionOptions
{
    /// <summary>Most connections at once, over both ports; more are closed unanswered. Default 4096.</summary>
    [Range(1, 1_000_000)]
    public int Max { get; init; } = 4096;

    /// <summary>How long the head of a request may take to arrive, and a new connection may stay silent. Default
    /// 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan HeaderTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection may stay open between two requests. Default 130 s: longer than load balancers keep
    /// theirs, so that they close first and never send into a connection that is just being closed.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(130);

    /// <summary>The slowest that a body may come and an answer may be taken, on average after five seconds; gRPC's streams
    /// are exempt. 0: however slow. Default 240.</summary>
    [Range(0, 1_000_000_000)]
    public int MinBytesPerSecond { get; init; } = 240;

    /// <summary>Most requests at once on one HTTP/2 connection. Default 256.</summary>
    [Range(1, 10_000)]
    public int MaxStreams { get; init; } = 256;
}
