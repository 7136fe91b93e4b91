namespace VisionService.Repository.SideFiles;

/// <summary>
/// What tools do to pixels, step after step, gathered into one <c>(pixel * scale - mean) / std</c> per channel. Pixels
/// are 0-255; each format says for itself whether its means are in these units or in those of an earlier step.
/// </summary>
internal sealed record PixelSteps(double Scale, IReadOnlyList<double> Mean, IReadOnlyList<double> Std)
{
    /// <summary>0..255 as they are.</summary>
    public static PixelSteps None { get; } = new(1, [], []);

    /// <summary>Multiplies what there is by a number.</summary>
    public PixelSteps Times(double factor) => Mean.Count == 0 && Std.Count == 0
        ? this with { Scale = Scale * factor }
        : Normalize([0], [1 / factor]);

    /// <summary>Adds a number to what there is.</summary>
    public PixelSteps Plus(double offset) => Normalize([-offset], [1]);

    /// <summary>Subtracts and divides what there is:
    /// ((p s - m) / d - mean) / std = (p s - (m + mean d)) / (d std).</summary>
    /// <param name="mean">One for all channels or one for each; none: 0.</param>
    /// <param name="std">The same; none: 1.</param>
    public PixelSteps Normalize(IReadOnlyList<double> mean, IReadOnlyList<double> std) => this with
    {
        Mean = Each((m, d, more, _) => m + (more * d), mean, std, neutral: 0),
        Std = Each((_, d, _, by) => d * by, mean, std, neutral: 1),
    };

    /// <summary>The same with mean and deviation as a file lists them.</summary>
    /// <exception cref="ModelLoadException">They are for different numbers of channels.</exception>
    public PixelSteps Normalize(SideSection section, string meanKey, string stdKey)
    {
        var mean = section.Numbers(meanKey, -1e6, 1e6) ?? [];
        var std = section.Numbers(stdKey, 1e-9, 1e6) ?? [];
        return mean.Count <= 1 || std.Count <= 1 || mean.Count == std.Count
            ? Normalize(mean, std)
            : throw section.Wrong(stdKey, $"a list of {mean.Count} numbers, as '{meanKey}' is");
    }

    /// <summary>The same as a manifest says it.</summary>
    public ManifestInput Over(ManifestInput input) =>
        input with { Preset = null, Scale = Scale, Mean = Mean, Std = Std };

    private double[] Each(
        Func<double, double, double, double, double> combine,
        IReadOnlyList<double> mean,
        IReadOnlyList<double> std,
        double neutral)
    {
        var channels = new[] { Mean.Count, Std.Count, mean.Count, std.Count }.Max();
        var values = Enumerable.Range(0, channels)
            .Select(i => combine(At(Mean, i, 0), At(Std, i, 1), At(mean, i, 0), At(std, i, 1)))
            .ToArray();
        return Array.TrueForAll(values, value => value == neutral) ? [] : values;
    }

    private static double At(IReadOnlyList<double> values, int channel, double neutral) =>
        values.Count == 0 ? neutral : values.Count == 1 ? values[0] : values[Math.Min(channel, values.Count - 1)];
}
