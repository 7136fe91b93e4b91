using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;

namespace VisionService.Benchmarks.Load;

/// <summary>The verb <c>load</c>: sends photos to a running server of this machine, more than it can take if
/// wanted.</summary>
internal static class LoadCommand
{
    private const string Usage = """
        load --url http://127.0.0.1:PORT/classify?model=x --images FOLDER --seconds S, with one of
          --rate R          open loop: R requests a second at random times, answered or not
          --connections N   closed loop: N callers (1 to 512) who each wait for their answer
          --connections N --hang-up   N callers who close the connection 0 to 200 ms after each request
        and
          --max-requests M  most requests (1000000)
          --pid P           the server's process: prints its memory and CPU time as well
        Only a server on a loopback address is asked, for 120 seconds at most.
        """;

    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            // 1. What is asked of whom
            var options = Parse(args);
            var url = new Uri(options.GetValueOrDefault("url", "http://127.0.0.1:8080/classify"));
            if (url is not { Scheme: "http", IsLoopback: true })
            {
                throw new FormatException($"'{url}' is not http:// and a loopback address.");
            }

            var address = IPAddress.TryParse(url.DnsSafeHost, out var literal) ? literal : IPAddress.Loopback;
            var images = options.GetValueOrDefault("images") ?? throw new FormatException("--images is missing.");
            byte[][] requests = [.. Directory.GetFiles(images).Order(StringComparer.Ordinal)
                .Select(file => Request(url, File.ReadAllBytes(file)))];
            if (requests is [])
            {
                throw new FormatException($"There is no file in '{images}'.");
            }

            var generator = new Generator(
                new IPEndPoint(address, url.Port),
                requests,
                TimeSpan.FromSeconds(Number("seconds", 1, 120)),
                (int)Number("max-requests", 1, 1e6, 1e6));
            using var memory = options.TryGetValue("pid", out var pid) ? new ServerProcess(pid) : null;

            // 2. The load
            var started = Stopwatch.GetTimestamp();
            var tally = options.ContainsKey("rate") ? await generator.OpenLoopAsync(Number("rate", 0.1, 100_000))
                : options.ContainsKey("hang-up") ? await generator.HangUpAsync(Callers())
                : await generator.ClosedLoopAsync(Callers());

            // 3. The report
            Print(tally, Stopwatch.GetElapsedTime(started));
            memory?.Print(tally);
            return 0;

            int Callers() => (int)Number("connections", 1, Generator.MaxConnections);

            double Number(string name, double min, double max, double? unsaid = null) =>
                !options.TryGetValue(name, out var text) && unsaid is { } value ? value
                : double.TryParse(text, CultureInfo.InvariantCulture, out value) && value >= min && value <= max ? value
                : throw new FormatException($"--{name} must be a number from {min} to {max}, not '{text}'.");
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"{exception.Message}\n{Usage}");
            return 2;
        }
    }

    private static Dictionary<string, string> Parse(string[] args)
    {
        string[] names = ["url", "images", "seconds", "rate", "connections", "hang-up", "max-requests", "pid"];
        var options = new Dictionary<string, string>();
        for (var i = 0; i < args.Length; i++)
        {
            var name = names.FirstOrDefault(name => args[i] == $"--{name}")
                ?? throw new FormatException($"There is no option '{args[i]}'.");
            options[name] = name is "hang-up" ? "" : ++i < args.Length ? args[i]
                : throw new FormatException($"--{name} needs a value.");
        }

        return options;
    }

    private static byte[] Request(Uri url, byte[] image) =>
    [
        .. Encoding.ASCII.GetBytes(
            $"POST {url.PathAndQuery} HTTP/1.1\r\nHost: {url.Authority}\r\nAccept: application/json\r\n" +
            $"Content-Type: image/jpeg\r\nContent-Length: {image.Length}\r\n\r\n"),
        .. image,
    ];

    private static void Print(Tally tally, TimeSpan elapsed)
    {
        var own = Process.GetCurrentProcess().TotalProcessorTime;
        foreach (var (status, count) in tally.Statuses)
        {
            Console.WriteLine($"status {status}: {count}");
        }

        foreach (var (reason, count) in tally.Failures)
        {
            Console.WriteLine($"no status, {reason}: {count}");
        }

        Console.WriteLine($"""
            not sent (all {Generator.MaxConnections} connections busy): {tally.NotSent}
            goodput: {tally.Served.Count / elapsed.TotalSeconds:F1} a second over {elapsed.TotalSeconds:F1} s
            latency of 200: {Quantiles(tally.Served)}
            latency of 429 and 503: {Quantiles(tally.Refused)}
            429 and 503 without Retry-After: {tally.RefusedWithoutRetryAfter} of {tally.Refused.Count}
            the driver itself: {own / elapsed:P0} of a core
            """);
    }

    private static string Quantiles(List<double> milliseconds)
    {
        milliseconds.Sort();
        return milliseconds.Count is 0 ? "none" : $"p50 {At(0.5)}, p90 {At(0.9)}, p99 {At(0.99)} ms";

        string At(double quantile) => $"{milliseconds[(int)(quantile * milliseconds.Count)]:F1}";
    }
}
