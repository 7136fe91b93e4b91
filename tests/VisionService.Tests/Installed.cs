using System.ComponentModel;
using System.Diagnostics;

namespace VisionService.Tests;

/// <summary>What this machine has beside .NET.</summary>
internal static class Installed
{
    // Another Python may stand in the path before Debian's own, without its packages.
    private static readonly string[] Pythons = ["python3", "/usr/bin/python3"];

    /// <summary>A Python that can import these modules, or null.</summary>
    public static string? Python(string modules) => Pythons.FirstOrDefault(python => Runs(python, "-c", $"import {modules}"));

    /// <summary>Whether a program is there and ends well.</summary>
    public static bool Runs(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
