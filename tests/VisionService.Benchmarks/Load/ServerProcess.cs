using System.Globalization;

namespace VisionService.Benchmarks.Load;

/// <summary>Memory and CPU time of a process of this Linux machine, looked up each second until disposed.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly string _folder;
    private readonly double _startSeconds;
    private readonly (double Pss, double Rss) _start;
    private readonly Lock _lock = new();
    private readonly Timer _timer;
    private (double Pss, double Rss) _peak;

    /// <exception cref="IOException">There is no such process.</exception>
    public ServerProcess(string pid)
    {
        _folder = $"/proc/{int.Parse(pid, CultureInfo.InvariantCulture)}";
        _startSeconds = CpuSeconds();
        _start = _peak = Memory();
        _timer = new Timer(_ => Look(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    public void Print(Tally tally)
    {
        var seconds = CpuSeconds() - _startSeconds;
        var end = Look();
        var answers = tally.Statuses.Values.Sum();
        Console.WriteLine($"""
            server's PSS: {_start.Pss:F0} MiB at the start, {_peak.Pss:F0} at most, {end.Pss:F0} at the end
            server's RSS: {_start.Rss:F0} MiB at the start, {_peak.Rss:F0} at most, {end.Rss:F0} at the end
            server's CPU: {seconds:F2} s; {Share(answers)} ms an answer, {Share(tally.Served.Count)} ms a 200
            """);

        string Share(int count) => count is 0 ? "no" : $"{1000 * seconds / count:F2}";
    }

    public void Dispose() => _timer.Dispose();

    private (double Pss, double Rss) Look()
    {
        var now = Memory();
        lock (_lock)
        {
            _peak = (Math.Max(_peak.Pss, now.Pss), Math.Max(_peak.Rss, now.Rss));
        }

        return now;
    }

    /// <summary>In MiB; zeros for a process that has ended, which must not end the driver.</summary>
    private (double Pss, double Rss) Memory()
    {
        try
        {
            var lines = File.ReadAllLines($"{_folder}/smaps_rollup");
            return (MiB("Pss:"), MiB("Rss:"));

            double MiB(string key) => double.Parse(
                lines.First(line => line.StartsWith(key, StringComparison.Ordinal))[key.Length..^"kB".Length],
                CultureInfo.InvariantCulture) / 1024;
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException)
        {
            return default;
        }
    }

    private double CpuSeconds()
    {
        // The command's name, in brackets, may hold spaces; behind it, from 0, are user and system time in 1/100 s.
        var text = File.ReadAllText($"{_folder}/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return fields[11..13].Sum(field => long.Parse(field, CultureInfo.InvariantCulture)) / 100.0;
    }
}
