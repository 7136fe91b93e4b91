using System.Diagnostics;

namespace VisionService.Tests.Models;

/// <summary>The scripts of models/train, run by a Python that has what they import.</summary>
internal static class Scripts
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private static readonly string? Python = Installed.Python("torch, PIL, scipy.ndimage");

    private static string Folder { get; } = Path.Combine(Checkout.Root, "models", "train");

    /// <summary>CamVid; the test is skipped without it.</summary>
    public static string CamVid => Imaging.SharedFiles.Path("train/camvid");

    /// <summary>Runs a script to its end and gives what it printed; skipped where Python lacks a package.</summary>
    public static async Task<string> RunAsync(string script, params string[] arguments)
    {
        var (output, ended) = await RunUntilAsync(null, script, arguments);
        Assert.True(ended, $"{script} was still running after {Patience}.");
        return output;
    }

    /// <summary>Runs a script until it prints a line that starts so, and kills it there.</summary>
    public static async Task KillAtAsync(string line, string script, params string[] arguments)
    {
        var (output, ended) = await RunUntilAsync(line, script, arguments);
        Assert.False(ended, $"{script} ended before it was killed: {output}");
    }

    private static async Task<(string Output, bool Ended)> RunUntilAsync(string? line, string script, string[] arguments)
    {
        Assert.SkipUnless(Python is not null, "python3-torch, python3-pil and python3-scipy are not installed.");
        var start = new ProcessStartInfo(Python!, ["-u", Path.Combine(Folder, script), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["PYTHONDONTWRITEBYTECODE"] = "1" },
        };
        using var process = Process.Start(start)!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            var errors = process.StandardError.ReadToEndAsync(patience.Token);
            var output = new List<string>();
            while (await process.StandardOutput.ReadLineAsync(patience.Token) is { } printed)
            {
                output.Add(printed.Trim());
                if (line is not null && output[^1].StartsWith(line, StringComparison.Ordinal))
                {
                    return (string.Join('\n', output), false);
                }
            }

            await process.WaitForExitAsync(patience.Token);
            Assert.True(process.ExitCode == 0, await errors);
            return (string.Join('\n', output), true);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }
}
