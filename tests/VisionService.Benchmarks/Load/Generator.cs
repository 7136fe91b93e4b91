using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace VisionService.Benchmarks.Load;

/// <summary>What became of the requests of one run.</summary>
internal sealed class Tally
{
    private readonly Lock _lock = new();

    public SortedDictionary<int, int> Statuses { get; } = [];

    /// <summary>Requests that got no answer, by the reason.</summary>
    public SortedDictionary<string, int> Failures { get; } = [];

    /// <summary>Milliseconds of each 200, and of each 429 and 503.</summary>
    public List<double> Served { get; } = [];

    public List<double> Refused { get; } = [];

    public int RefusedWithoutRetryAfter { get; private set; }

    /// <summary>Requests for which no connection was free.</summary>
    public int NotSent { get; set; }

    public void Add(Answer answer, TimeSpan latency)
    {
        lock (_lock)
        {
            Statuses[answer.Status] = Statuses.GetValueOrDefault(answer.Status) + 1;
            if (answer.Status is 200)
            {
                Served.Add(latency.TotalMilliseconds);
            }
            else if (answer.Status is 429 or 503)
            {
                Refused.Add(latency.TotalMilliseconds);
                RefusedWithoutRetryAfter += answer.HasRetryAfter ? 0 : 1;
            }
        }
    }

    public void AddFailure(string reason)
    {
        lock (_lock)
        {
            Failures[reason] = Failures.GetValueOrDefault(reason) + 1;
        }
    }
}

/// <summary>Sends the same requests over and over for a time, and counts what comes back.</summary>
/// <param name="requests">Head and body of each, taken in turn.</param>
/// <param name="maxRequests">Ends the run early.</param>
internal sealed class Generator(IPEndPoint server, byte[][] requests, TimeSpan duration, int maxRequests)
{
    /// <summary>Most connections of an open loop: beyond it the driver, not the server, would be measured.</summary>
    public const int MaxConnections = 512;

    /// <summary>After the run this long for what is under way; what is left then is a failure.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private readonly Tally _tally = new();
    private readonly Stopwatch _clock = new();
    private int _next = -1;

    /// <summary>Independent callers: requests arrive at random times (Poisson), whether or not earlier ones have been
    /// answered, and each latency counts from the arrival, not from when the driver came round to it.</summary>
    /// <param name="rate">Arrivals a second.</param>
    public Task<Tally> OpenLoopAsync(double rate) => RunAsync(async end =>
    {
        var random = new Random(1);
        var idle = new ConcurrentStack<Connection>();
        var underWay = new List<Task>();
        var free = MaxConnections;
        var arrival = TimeSpan.Zero;
        while (true)
        {
            arrival += TimeSpan.FromSeconds(-Math.Log(1 - random.NextDouble()) / rate);
            if (arrival > duration || NextRequest() is not { } request)
            {
                break;
            }

            if (arrival > _clock.Elapsed)
            {
                // Rounded up: no request may leave before it arrives.
                await Task.Delay((int)Math.Ceiling((arrival - _clock.Elapsed).TotalMilliseconds), end);
            }

            if (Interlocked.Decrement(ref free) < 0)
            {
                Interlocked.Increment(ref free);
                _tally.NotSent++;
                continue;
            }

            var arrived = arrival;
            underWay.Add(Task.Run(
                async () =>
                {
                    idle.TryPop(out var connection);
                    if (await AskAsync(connection, request, arrived, end) is { } open)
                    {
                        idle.Push(open);
                    }

                    Interlocked.Increment(ref free);
                },
                CancellationToken.None));
        }

        await Task.WhenAll(underWay);
        foreach (var connection in idle)
        {
            connection.Dispose();
        }
    });

    /// <summary>A fixed number of callers who each wait for their answer before they ask again.</summary>
    public Task<Tally> ClosedLoopAsync(int callers) => RunAsync(end => CallAsync(callers, async () =>
    {
        Connection? connection = null;
        while (_clock.Elapsed < duration && NextRequest() is { } request)
        {
            connection = await AskAsync(connection, request, _clock.Elapsed, end);
        }

        connection?.Dispose();
    }));

    /// <summary>Callers who close the connection within 200 ms of each request, whether it is answered or not.</summary>
    public Task<Tally> HangUpAsync(int callers) => RunAsync(end => CallAsync(callers, async () =>
    {
        while (_clock.Elapsed < duration && NextRequest() is { } request)
        {
            try
            {
                using var connection = new Connection();
                await connection.OpenAsync(server, end);
                await connection.SendAsync(request, end);
                await Task.Delay(Random.Shared.Next(200), end);
                _tally.AddFailure("hung up");
            }
            catch (Exception exception) when (Reason(exception) is { } reason)
            {
                await FailAsync(reason);
            }
        }
    }));

    private async Task<Tally> RunAsync(Func<CancellationToken, Task> loop)
    {
        using var end = new CancellationTokenSource(duration + Grace);
        _clock.Start();
        await loop(end.Token);
        return _tally;
    }

    private static Task CallAsync(int callers, Func<Task> call) =>
        Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(call)));

    private byte[]? NextRequest()
    {
        var next = Interlocked.Increment(ref _next);
        return next < maxRequests ? requests[next % requests.Length] : null;
    }

    /// <summary>Sends one request and counts the outcome.</summary>
    /// <param name="connection">Null: opens one.</param>
    /// <returns>The connection where it can be used again; else it is closed.</returns>
    private async Task<Connection?> AskAsync(
        Connection? connection, byte[] request, TimeSpan arrival, CancellationToken end)
    {
        try
        {
            if (connection is null)
            {
                connection = new Connection();
                await connection.OpenAsync(server, end);
            }

            await connection.SendAsync(request, end);
            var answer = await connection.ReceiveAsync(end);
            _tally.Add(answer, _clock.Elapsed - arrival);
            if (answer.KeepsAlive)
            {
                return connection;
            }
        }
        catch (Exception exception) when (Reason(exception) is { } reason)
        {
            await FailAsync(reason);
        }

        connection?.Dispose();
        return null;
    }

    private async Task FailAsync(string reason)
    {
        _tally.AddFailure(reason);

        // A closed loop would ask a server that is gone some 20 000 times a second.
        await Task.Delay(20);
    }

    private static string? Reason(Exception exception) => exception switch
    {
        SocketException socket => socket.SocketErrorCode.ToString(),
        IOException io => io.Message,
        OperationCanceledException => "no answer",
        _ => null,
    };
}
