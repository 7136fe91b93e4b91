using Microsoft.Extensions.Options;

namespace VisionService.Repository;

/// <summary>
/// Loads each model in another process first. Native code that folds a constant of a hundred gigabytes or runs a loop
/// without end cannot be interrupted and may take its process with it: so this one only ever loads what another has
/// loaded in bounded time and memory. A process tries model after model, and ends when none has come for a while.
/// </summary>
internal sealed class TrialLoads : IDisposable
{
    // One that holds on to more is replaced rather than kept.
    private const long MaxKeptMemory = 512L << 20;

    // Short against the time in which memory can be filled.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan MaxIdle = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MaxStart = TimeSpan.FromMinutes(1);

    private readonly object _lock = new();
    private readonly Stack<TrialProcess> _idle = [];
    private readonly List<TrialProcess> _busy = [];
    private readonly RepositoryOptions _options;
    private readonly string[] _settings;
    private readonly TimeProvider _time;
    private readonly ITimer _idleTimer;
    private readonly CancellationTokenRegistration _stopping;
    private bool _isStopping;

    public TrialLoads(
        IOptions<RepositoryOptions> options,
        IConfiguration configuration,
        IHostApplicationLifetime lifetime,
        TimeProvider time)
    {
        (_options, _time) = (options.Value, time);
        _settings = Settings(configuration, options.Value);
        _idleTimer = time.CreateTimer(_ => EndIdle(), null, MaxIdle, Timeout.InfiniteTimeSpan);
        _stopping = lifetime.ApplicationStopping.Register(Stop);
        if (_options.TrialLoads)
        {
            // It starts while the service does.
            _idle.Push(TrialProcess.Start(_settings));
        }
    }

    /// <summary>The processes that have a model to try.</summary>
    internal IReadOnlyList<int> Processes
    {
        get
        {
            lock (_lock)
            {
                return [.. _busy.Where(static process => process.Tried > 0).Select(static process => process.Id)];
            }
        }
    }

    /// <summary>Returns if the model can be loaded; blocks until that is known.</summary>
    /// <exception cref="ModelLoadException">It cannot, or not in time or in memory, or it crashed the
    /// process.</exception>
    public void Try(ModelFiles files)
    {
        for (var mustBeNew = false; ; mustBeNew = true)
        {
            var process = Take(mustBeNew);
            var isFirst = process.Tried == 0;
            try
            {
                process.Send(files);
                if (Answer(process, _options.LoadTimeout) is { } reply)
                {
                    Read(reply);
                    return;
                }

                // Native code that went wrong may do its harm later: only in a new process there is one to blame.
                if (isFirst || _isStopping)
                {
                    throw new ModelLoadException(_isStopping
                        ? "the service is stopping"
                        : $"ONNX Runtime crashed on it, in a process on trial ({process.Obituary()})");
                }
            }
            finally
            {
                Return(process);
            }
        }
    }

    public void Dispose()
    {
        _stopping.Dispose();
        Stop();
        _idleTimer.Dispose();
    }

    private static void Read(TrialReply reply)
    {
        if (reply.Defect is not null)
        {
            throw new InvalidOperationException($"A trial load found a defect: {reply.Defect}");
        }

        if (reply.Problem is not null)
        {
            throw new ModelLoadException(reply.Problem);
        }
    }

    /// <summary>The answer; null where the process ended instead.</summary>
    private TrialReply? Answer(TrialProcess process, TimeSpan timeout)
    {
        var start = _time.GetTimestamp();
        TrialReply? reply;
        while (!process.TryTake(Look, out reply))
        {
            if (IsTooLarge(process))
            {
                process.Kill();
                throw new ModelLoadException(
                    $"the load needs more memory than Repository:LoadMemory allows ({_options.LoadMemory >> 20} MiB)");
            }

            if (_time.GetElapsedTime(start) > timeout)
            {
                process.Kill();
                throw new ModelLoadException(BoundedLoader.TookTooLong(timeout));
            }
        }

        return reply;
    }

    /// <summary>Whether this is the largest of processes that hold too much together.</summary>
    private bool IsTooLarge(TrialProcess process)
    {
        lock (_lock)
        {
            return _busy.Sum(static busy => busy.Memory) > _options.LoadMemory
                && process.Memory >= _busy.Max(static busy => busy.Memory);
        }
    }

    /// <summary>A process that waits for a model.</summary>
    private TrialProcess Take(bool mustBeNew)
    {
        TrialProcess? process;
        lock (_lock)
        {
            if (_isStopping)
            {
                throw new ModelLoadException("the service is stopping");
            }

            process = !mustBeNew && _idle.TryPop(out var idle) ? idle : TrialProcess.Start(_settings);
            _busy.Add(process);
        }

        if (process.IsReady)
        {
            return process;
        }

        try
        {
            process.IsReady = Answer(process, MaxStart) is not null;
            return process.IsReady ? process : throw new ModelLoadException(
                $"the process that loads models on trial does not start ({process.Obituary()}); "
                + "Repository:TrialLoads=false loads them without");
        }
        finally
        {
            if (!process.IsReady)
            {
                Return(process);
            }
        }
    }

    private void Return(TrialProcess process)
    {
        lock (_lock)
        {
            _busy.Remove(process);
            if (process.IsReady && process.IsAlive && process.Memory <= MaxKeptMemory && !_isStopping)
            {
                _idle.Push(process);
                _idleTimer.Change(MaxIdle, Timeout.InfiniteTimeSpan);
                return;
            }
        }

        process.Dispose();
    }

    private void EndIdle()
    {
        lock (_lock)
        {
            while (_idle.TryPop(out var process))
            {
                process.Dispose();
            }
        }
    }

    /// <summary>Whoever waits for a process finds it ended, and lets go of it.</summary>
    private void Stop()
    {
        lock (_lock)
        {
            _isStopping = true;
            _busy.ForEach(static process => process.Kill());
        }

        EndIdle();
    }

    /// <summary>What the other process has to know to load as this one does.</summary>
    private static string[] Settings(IConfiguration configuration, RepositoryOptions options) =>
    [
        .. configuration.GetSection("Inference").AsEnumerable()
            .Where(static entry => entry.Value is not null)
            .Select(static entry => $"--{entry.Key}={entry.Value}")
            // Engines take minutes to build, and would be built twice.
            .Where(static setting => !setting.StartsWith("--Inference:TensorRt", StringComparison.OrdinalIgnoreCase)),
        $"--Repository:LoadMemory={options.LoadMemory}",
        $"--Repository:MaxModelBytes={options.MaxModelBytes}",
    ];
}
