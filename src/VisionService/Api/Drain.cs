using Microsoft.Extensions.Options;

namespace VisionService.Api;

/// <summary>
/// The end of the service without losing anything: once it is asked to stop, it is not ready any more and refuses new
/// work, ends what it has accepted, and only then lets the server close its connections.
/// </summary>
internal sealed partial class Drain(
    IHostApplicationLifetime lifetime, IOptions<ApiOptions> options, TimeProvider time, ILogger<Drain> logger) : IHostedLifecycleService
{
    // Callers that still come are told to go elsewhere, on connections that end in order; silence means they have gone.
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MostSilence = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly Lock _lock = new();
    private int _underWay;
    private long? _lastCall;

    public bool IsDraining => lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>What those are told who come too late.</summary>
    public static VisionException Refusal => new(VisionError.Draining, "The server is shutting down.")
    {
        RetryAfter = TimeSpan.FromSeconds(1),
    };

    /// <summary>Accepts a request, which is then ended whatever happens; false where it is too late for that.</summary>
    public bool TryBegin()
    {
        lock (_lock)
        {
            _lastCall = time.GetTimestamp();
            if (IsDraining)
            {
                return false;
            }

            _underWay++;
            return true;
        }
    }

    public void End()
    {
        lock (_lock)
        {
            _underWay--;
        }
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        lifetime.StopApplication(); // a signal has done so; a host that is stopped otherwise only does it after this
        var start = time.GetTimestamp();
        Log.Begun(logger, _underWay);
        while (!IsOver(time.GetElapsedTime(start)))
        {
            await Task.Delay(Look, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancellationToken.IsCancellationRequested)
            {
                break;
            }
        }

        var duration = time.GetElapsedTime(start);
        Log.Ended(logger, duration, _underWay);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private bool IsOver(TimeSpan elapsed)
    {
        lock (_lock)
        {
            return elapsed >= options.Value.DrainTimeout
                || (_underWay == 0
                    && (_lastCall is not { } last || elapsed >= MostSilence || time.GetElapsedTime(last) >= Silence));
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Draining: {Requests} requests are under way.")]
        public static partial void Begun(ILogger logger, int requests);

        [LoggerMessage(Level = LogLevel.Information, Message = "Drained after {Duration}; {Requests} requests are left.")]
        public static partial void Ended(ILogger logger, TimeSpan duration, int requests);
    }
}
