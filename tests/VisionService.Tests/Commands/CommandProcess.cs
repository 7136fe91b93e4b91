using System.Diagnostics;

namespace VisionService.Tests.Commands;

/// <summary>The program as its users run it: a process, its output and its exit code.</summary>
internal static class CommandProcess
{
    public static async Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(typeof(CommandLine).Assembly.Location);
        Array.ForEach(arguments, start.ArgumentList.Add);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await errors);
    }

    /// <summary>Runs a command that must fail with one line that starts so, and nothing else.</summary>
    public static async Task MustFailAsync(string line, params string[] arguments)
    {
        var (code, output, errors) = await RunAsync(arguments);
        Assert.StartsWith(line, errors, StringComparison.Ordinal);
        Assert.Equal((2, "", 1), (code, output, errors.TrimEnd('\n').Split('\n').Length));
    }
}
