using VisionService.Repository;

namespace VisionService.Tests.Repository.SideFiles;

/// <summary>What a network sees of a pixel under a manifest's normalisation.</summary>
internal static class Seen
{
    /// <summary>Asserts a formula in the pixel, 0-255, the same for all channels or that of one.</summary>
    public static void Is(ManifestInput input, Func<double, double> formula, int channel = 0)
    {
        foreach (var pixel in (double[])[0, 51, 127.5, 255])
        {
            var seen = ((pixel * (input.Scale ?? 1)) - At(input.Mean, channel, 0)) / At(input.Std, channel, 1);
            Assert.Equal(formula(pixel), seen, tolerance: 1e-9);
        }
    }

    private static double At(IReadOnlyList<double>? values, int channel, double neutral) =>
        values is not { Count: > 0 } ? neutral : values.Count == 1 ? values[0] : values[channel];
}
