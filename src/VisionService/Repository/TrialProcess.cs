using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace VisionService.Repository;

/// <summary>What a trial says of a model.</summary>
/// <param name="Problem">Why it cannot be loaded; null where it can.</param>
/// <param name="Defect">The trace of an error that no model should cause.</param>
internal sealed record TrialReply(string? Problem = null, string? Defect = null);

/// <summary>A process of this program that loads models one after another, to see whether they can be. One user at a
/// time.</summary>
internal sealed class TrialProcess : IDisposable
{
    private const string End = "";

    // What a process of this program needs of its surroundings; whatever else is there may be a secret.
    private static readonly string[] Inherited =
    [
        "PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "DOTNET_ROOT", "DOTNET_ROOT_X64", "DOTNET_ROOT_ARM64",
        "DOTNET_BUNDLE_EXTRACT_BASE_DIR", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES",
    ];

    private readonly Process _process;
    private readonly BlockingCollection<string> _lines = [];
    private string _lastWords = "";
    private int _isEnded;

    private TrialProcess(Process process)
    {
        _process = process;
        _process.OutputDataReceived += (_, line) => _lines.Add(line.Data ?? End);
        _process.ErrorDataReceived += (_, line) =>
            _lastWords = string.IsNullOrWhiteSpace(line.Data) ? _lastWords : line.Data;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    /// <summary>How many models it was given.</summary>
    public int Tried { get; private set; }

    /// <summary>Whether it has said that it is there; its first answer says nothing else.</summary>
    public bool IsReady { get; set; }

    /// <summary>What it holds in memory, as last measured; bytes.</summary>
    public long Memory { get; private set; }

    public bool IsAlive => _isEnded == 0 && !_process.HasExited;

    /// <summary>Starts the process; it is ready some tenths of a second later.</summary>
    /// <param name="settings">Its options, <c>--Section:Key=value</c>.</param>
    /// <exception cref="ModelLoadException">It cannot be started.</exception>
    public static TrialProcess Start(IEnumerable<string> settings)
    {
        var start = new ProcessStartInfo
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var self = Environment.ProcessPath ?? "dotnet";
        var program = typeof(TrialProcess).Assembly.GetName().Name!;
        if (Path.GetFileName(self) is var file && (file == program || file == $"{program}.exe"))
        {
            start.FileName = self;
        }
        else
        {
            start.FileName = file is "dotnet" or "dotnet.exe" ? self : "dotnet";
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, $"{program}.dll"));
        }

        start.ArgumentList.Add(CommandLine.TryLoad);
        foreach (var setting in settings)
        {
            start.ArgumentList.Add(setting);
        }

        foreach (var name in start.Environment.Keys.Except(Inherited).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["DOTNET_PROCESSOR_COUNT"] = "1";
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // no files or sockets in the temporary folder
        start.Environment["DOTNET_TieredPGO"] = "0";         // it lives too briefly to profit
        try
        {
            return new TrialProcess(Process.Start(start)!);
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or IOException)
        {
            throw new ModelLoadException(
                $"the process that loads models on trial cannot be started ({exception.Message}); "
                + "Repository:TrialLoads=false loads them without", exception);
        }
    }

    /// <summary>Gives it a model; <see cref="TryTake"/> takes the answer.</summary>
    public void Send(ModelFiles files)
    {
        Tried++;
        try
        {
            _process.StandardInput.WriteLine(JsonSerializer.Serialize(files));
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It is gone, which the next look at its output will say.
        }
    }

    /// <summary>Tells it that nobody is left to answer to.</summary>
    internal void CloseInput() => _process.StandardInput.Close();

    /// <summary>Waits a moment for its answer, and measures its memory.</summary>
    /// <returns>False where there is none yet. The answer is null where the process has ended instead.</returns>
    public bool TryTake(TimeSpan wait, out TrialReply? reply)
    {
        reply = null;
        if (!_lines.TryTake(out var line, wait))
        {
            Measure();
            return false;
        }

        // Native code may write whatever it likes between the answers.
        reply = line.StartsWith(TrialHost.Mark, StringComparison.Ordinal)
            ? JsonSerializer.Deserialize<TrialReply>(line[TrialHost.Mark.Length..])
            : null;
        Measure();
        return reply is not null || line == End;
    }

    /// <summary>How it ended, for people; waits until it has.</summary>
    public string Obituary()
    {
        const int SignalBase = 128;
        _process.WaitForExit(TimeSpan.FromSeconds(5));
        var how = !_process.HasExited ? "closed its output"
            : _process.ExitCode > SignalBase ? $"signal {_process.ExitCode - SignalBase}"
            : $"exit code {_process.ExitCode}";
        return _lastWords == "" ? how : $"{how}: {_lastWords}";
    }

    /// <summary>Ends it at once, whatever it is doing; from any thread.</summary>
    public void Kill()
    {
        if (Interlocked.Exchange(ref _isEnded, 1) == 0)
        {
            try
            {
                _process.Kill();
            }
            catch (InvalidOperationException)
            {
                // It has ended by itself.
            }
        }
    }

    public void Dispose()
    {
        Kill();
        _process.WaitForExit();
        _process.Dispose();
        _lines.Dispose();
    }

    private void Measure()
    {
        try
        {
            _process.Refresh();
            Memory = _process.HasExited ? 0 : _process.WorkingSet64;
        }
        catch (InvalidOperationException)
        {
            Memory = 0; // it ended between the two questions
        }
    }
}
