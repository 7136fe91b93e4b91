using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace VisionService.Repository;

/// <summary>The other side of <see cref="TrialProcess"/>: loads the models that its input names and says how it
/// went.</summary>
internal static partial class TrialHost
{
    /// <summary>What a line with an answer begins with.</summary>
    public const string Mark = "trial ";

    /// <summary>Answers until the input ends, and with it, in the midst of a load too: nobody is left to end it
    /// otherwise.</summary>
    /// <param name="maxMemory">Bytes.</param>
    public static int Serve(ModelLoader loader, long maxMemory)
    {
        Confine(maxMemory);
        Say(new TrialReply());
        using var lines = new BlockingCollection<string>();
        new Thread(() => Listen(lines)) { IsBackground = true, Name = "input" }.Start();
        foreach (var line in lines.GetConsumingEnumerable())
        {
            Say(Try(loader, JsonSerializer.Deserialize<ModelFiles>(line)!));
        }

        return 0;
    }

    private static void Listen(BlockingCollection<string> lines)
    {
        while (Console.In.ReadLine() is { } line)
        {
            lines.Add(line);
        }

        Process.GetCurrentProcess().Kill();
    }

    private static TrialReply Try(ModelLoader loader, ModelFiles files)
    {
        try
        {
            loader.Load(files).Dispose();
            return new TrialReply();
        }
        catch (ModelLoadException exception)
        {
            return new TrialReply(exception.Message);
        }
        catch (OutOfMemoryException)
        {
            return new TrialReply("the load needs more memory than Repository:LoadMemory allows");
        }
        catch (Exception exception)
        {
            return new TrialReply(Defect: exception.ToString());
        }
    }

    private static void Say(TrialReply reply)
    {
        Console.Out.WriteLine(Mark + JsonSerializer.Serialize(reply));
        Console.Out.Flush();
    }

    /// <summary>Takes the last place at the table: the service's own work goes first, no core is dumped, and where memory
    /// ends this process ends before the service.</summary>
    private static void Confine(long maxMemory)
    {
        const int Data = 2, Core = 4;
        using var self = Process.GetCurrentProcess();
        self.PriorityClass = ProcessPriorityClass.BelowNormal;
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // Whoever watches from outside looks now and then; this holds at every moment. Stacks of threads count here.
        const long Stacks = 1L << 30;
        Limit(Data, (ulong)(maxMemory + Stacks));
        Limit(Core, 0);
        try
        {
            File.WriteAllText("/proc/self/oom_score_adj", "1000");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A hardened system may forbid it; the other limits hold.
        }
    }

    private static void Limit(int resource, ulong most) => _ = SetLimit(resource, new ResourceLimit(most, most));

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetLimit(int resource, in ResourceLimit limit);

    private readonly record struct ResourceLimit(ulong Soft, ulong Hard);
}
