namespace VisionService.Inference;

/// <summary>Where one model computes: its accounts with the gates of its devices, and with the one that decoding and
/// preprocessing pass.</summary>
/// <param name="gates">One for each device; a runner's is its number's. On the CPU the only one is <paramref name="host"/>.</param>
/// <param name="host">The cores' gate.</param>
internal sealed class ModelDevices(IReadOnlyList<ComputeGate> gates, ComputeGate host)
{
    private readonly ComputeShare[] _shares = [.. gates.Select(static _ => new ComputeShare())];
    private readonly ComputeShare _hostShare = new();

    /// <summary>Blocks a runner until its device has room for a run.</summary>
    public IDisposable Enter(int runner, ComputeRank rank) =>
        gates[runner % gates.Count].Enter(_shares[runner % gates.Count], rank);

    /// <summary>Waits for a core to decode and preprocess on.</summary>
    public ValueTask<ComputeHold> BeginAsync(CancellationToken cancellationToken) =>
        host.EnterAsync(_hostShare, ComputeRank.Begin, cancellationToken);
}

/// <summary>The gates of this machine, shared by all models: one for the cores and one for each other device.</summary>
internal sealed class ComputeGates
{
    // One run copies while the other computes.
    private const int RunsPerDevice = 2;

    private readonly ComputeGate _host;
    private readonly ComputeGate[] _devices;

    public ComputeGates(ExecutionProvider provider, TimeProvider time)
    {
        _host = new ComputeGate(Environment.ProcessorCount, time);
        _devices = provider.IsCuda ? [.. provider.Devices.Select(_ => new ComputeGate(RunsPerDevice, time))] : [_host];
    }

    /// <summary>A further model's way to compute.</summary>
    public ModelDevices Join() => new(_devices, _host);
}
