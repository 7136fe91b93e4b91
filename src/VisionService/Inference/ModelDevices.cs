namespace VisionService.Inference;

/// <summary>Where one model computes: its accounts with the workers of its devices and with those of the cores, which
/// decode, prepare and read.</summary>
/// <param name="devices">One for each device; a runner's is its number's. On the CPU the only one is
/// <paramref name="host"/>.</param>
internal sealed class ModelDevices(IReadOnlyList<ComputeWorkers> devices, ComputeWorkers host)
{
    private readonly ComputeShare _hostShare = new();
    private readonly Dictionary<ComputeWorkers, ComputeShare> _shares = devices.Where(device => device != host)
        .ToDictionary(static device => device, static _ => new ComputeShare());

    /// <summary>Has the runner's device do this in its turn.</summary>
    public void Post(int runner, ComputeRank rank, Action work)
    {
        var device = devices[runner % devices.Count];
        device.Post(_shares.GetValueOrDefault(device, _hostShare), rank, work);
    }

    /// <summary>Continues on a core in its turn.</summary>
    /// <inheritdoc cref="ComputeWorkers.SwitchAsync"/>
    public WorkerSwitch SwitchAsync(ComputeRank rank, CancellationToken cancellationToken) =>
        host.SwitchAsync(_hostShare, rank, cancellationToken);
}

/// <summary>The workers of this machine, shared by all models: those of the cores and those of each other
/// device.</summary>
internal sealed class ComputeDevices : IDisposable
{
    // One run copies while the other computes.
    private const int RunsPerDevice = 2;

    private readonly ComputeWorkers _host;
    private readonly ComputeWorkers[] _devices;

    public ComputeDevices(ExecutionProvider provider, TimeProvider time)
    {
        _host = new ComputeWorkers("core", Environment.ProcessorCount, time);
        _devices = provider.IsCuda
            ? [.. provider.Devices.Select(device => new ComputeWorkers(device.Name, RunsPerDevice, time))]
            : [_host];
    }

    /// <summary>A further model's way to compute.</summary>
    public ModelDevices Join() => new(_devices, _host);

    public void Dispose()
    {
        Array.ForEach(_devices, static device => device.Dispose());
        _host.Dispose();
    }
}
