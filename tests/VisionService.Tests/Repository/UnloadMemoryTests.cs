using System.Diagnostics;
using System.Globalization;
using OnnxGraph;

namespace VisionService.Tests.Repository;

/// <summary>What a process holds of a model once it is unloaded.</summary>
public class UnloadMemoryTests
{
    private const int Rows = 4096;
    private const int Columns = 12_800;

    [Fact]
    public async Task Unloading_gives_the_memory_back()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The resident memory is read where Linux has it.");
        var cancellation = TestContext.Current.CancellationToken;
        using var folder = ModelFolder.WithColors();
        folder.Add("large", Large(), "input: {preset: unit}", ModelFolder.ColorLabels); // 210 MB of weights
        using var process = Start(folder);
        try
        {
            using var client = new HttpClient { BaseAddress = await AddressAsync(process, cancellation), Timeout = TimeSpan.FromMinutes(2) };
            while (!(await client.GetAsync("/readyz", cancellation)).IsSuccessStatusCode)
            {
                await Task.Yield();
            }

            async Task<long> AfterAsync(string change)
            {
                (await client.PostAsync($"/models/large/{change}", null, cancellation)).EnsureSuccessStatusCode();
                return Resident(process.Id);
            }

            // From unloaded to unloaded, so that what the first load brings along for good is no part of it.
            var (without, loaded, unloaded) = (await AfterAsync("unload"), await AfterAsync("load"), await AfterAsync("unload"));
            TestContext.Current.TestOutputHelper?.WriteLine($"{without >> 20} MiB without, {loaded >> 20} loaded, {unloaded >> 20} unloaded");
            Assert.True(loaded - without > 150L << 20, $"{without} {loaded}: the weights are not there");
            Assert.True(loaded - unloaded > 0.6 * (loaded - without), $"{without} without, {loaded} loaded, {unloaded} unloaded");
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static Graph Large()
    {
        var g = new GraphBuilder(opset: 13);
        var means = g.Flatten(g.GlobalAveragePool(g.Input("pixels", ElementType.Float, "N", 3, 4, 4)));
        var wide = g.Node("MatMul", [means, g.Constant(new float[3 * Rows], 3, Rows)]);
        var weights = new float[Rows * Columns];
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = i; // pages of zeros would cost nothing
        }

        var wider = g.Node("MatMul", [wide, g.Constant(weights, Rows, Columns)]);
        return g.Output("scores", g.Node("MatMul", [wider, g.Constant(new float[Columns * 3], Columns, 3)])).Build();
    }

    private static Process Start(ModelFolder folder)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        string[] arguments =
        [
            typeof(CommandLine).Assembly.Location, "--models", folder.Path, "--http-port", "0", "--grpc-port", "0",
            "--provider", "cpu", "--address", "127.0.0.1", "--Repository:Watch", "false",
        ];
        Array.ForEach(arguments, start.ArgumentList.Add);
        return Process.Start(start)!;
    }

    private static async Task<Uri> AddressAsync(Process process, CancellationToken cancellation)
    {
        while (await process.StandardOutput.ReadLineAsync(cancellation) is { } line)
        {
            if (line.Contains("Now listening on", StringComparison.Ordinal))
            {
                // A pipe that nobody reads would stop the process once it is full.
                _ = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
                return new Uri($"http://127.0.0.1:{line[(line.LastIndexOf(':') + 1)..]}");
            }
        }

        throw new InvalidOperationException("The service ended before it listened.");
    }

    private static long Resident(int process) => 1024 * long.Parse(
        File.ReadLines($"/proc/{process}/status").First(static line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);
}
