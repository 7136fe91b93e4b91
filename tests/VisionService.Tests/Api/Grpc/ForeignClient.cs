using System.Diagnostics;
using System.Text.Json;

namespace VisionService.Tests.Api.Grpc;

/// <summary>A gRPC client that we did not write, in a process of its own.</summary>
internal sealed class ForeignClient
{
    private static readonly string Examples = Path.Combine(Checkout.Root, "examples");

    private readonly Dictionary<string, JsonElement> _results = [];

    public static string Scenarios { get; } = Path.Combine(Checkout.Root, "tests", "VisionService.Tests", "Api", "Grpc", "clients");

    public static string Protos { get; } = Path.Combine(Checkout.Root, "protos");

    /// <summary>What a scenario printed.</summary>
    public JsonElement this[string scenario] => _results[scenario];

    /// <summary>Why Node's client cannot run here; null where it can.</summary>
    public static string? NodeLack { get; } = !Installed.Runs("node", "--version") ? "Node.js is not installed."
        : Directory.Exists(Path.Combine(Examples, "node", "node_modules", "@grpc", "grpc-js")) ? null
        : "@grpc/grpc-js is not installed: run npm ci in examples/node.";

    private static string? Python { get; } = Installed.Python("grpc, google.protobuf");

    private static string? Protoc { get; } = FindProtoc();

    /// <summary>Why Python's client cannot run here; null where it can.</summary>
    public static string? PythonLack { get; } = Python is null ? "python3-grpcio is not installed."
        : Protoc is null ? "protoc is not installed." : null;

    /// <summary>Runs a script to its end.</summary>
    /// <param name="stop">Called when the script prints the scenario <c>stop</c>.</param>
    public static async Task<ForeignClient> RunAsync(string script, string[] arguments, Func<Task>? stop = null)
    {
        var client = new ForeignClient();
        var (exitCode, error) = await RunAsync(script, arguments, async line =>
        {
            var result = JsonDocument.Parse(line).RootElement;
            client._results[result.GetProperty("name").GetString()!] = result;
            if (client._results.ContainsKey("stop") && stop is not null)
            {
                var task = stop();
                stop = null;
                await task;
            }
        });
        Assert.True(exitCode == 0, error);
        return client;
    }

    /// <summary>Runs an example or a script; the lines of its output go to <paramref name="read"/>.</summary>
    public static async Task<(int ExitCode, string Error)> RunAsync(string script, string[] arguments, Func<string, Task> read)
    {
        var start = new ProcessStartInfo(script.EndsWith(".js", StringComparison.Ordinal) ? "node" : Python!, [script, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["NODE_PATH"] = Path.Combine(Examples, "node", "node_modules"),
                ["PYTHONPATH"] = Path.Combine(Examples, "python"),
                ["PYTHONDONTWRITEBYTECODE"] = "1",
                ["PYTHONIOENCODING"] = "utf-8",
                ["PROTOC"] = Protoc ?? "",
            },
        };
        using var process = Process.Start(start)!;
        try
        {
            var error = process.StandardError.ReadToEndAsync();
            while (await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(120)) is { } line)
            {
                await read(line);
            }

            await process.WaitForExitAsync();
            return (process.ExitCode, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    // The build has one of its own; where its packages lie elsewhere, the system's.
    private static string? FindProtoc()
    {
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var tools = Path.Combine(packages, "grpc.tools");
        var own = !Directory.Exists(tools) || !OperatingSystem.IsLinux() || !Environment.Is64BitProcess ? null
            : Directory.GetDirectories(tools).Select(static version => Path.Combine(version, "tools", "linux_x64", "protoc"))
                .FirstOrDefault(static protoc => Installed.Runs(protoc, "--version"));
        return own ?? (Installed.Runs("protoc", "--version") ? "protoc" : null);
    }
}
