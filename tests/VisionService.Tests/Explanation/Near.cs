namespace VisionService.Tests.Explanation;

/// <summary>How far two arrays are apart, against how large they are.</summary>
internal static class Near
{
    public static void Equal(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance = 1e-4)
    {
        var error = RelativeL2(expected, actual);
        Assert.True(error <= tolerance, $"The relative L2 error is {error:E2}, more than {tolerance:E2}.");
    }

    public static double RelativeL2(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double sign = 1)
    {
        Assert.Equal(expected.Length, actual.Length);
        var (error, size) = (0.0, 0.0);
        for (var i = 0; i < expected.Length; i++)
        {
            error += Math.Pow((sign * actual[i]) - expected[i], 2);
            size += Math.Pow(expected[i], 2);
        }

        return error == 0 ? 0 : Math.Sqrt(error / size);
    }
}
