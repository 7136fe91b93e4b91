namespace OnnxGraph.Tests.Autodiff;

/// <summary>Gradients computed by PyTorch, which lie beside the repository on some machines; tests that want them are
/// skipped elsewhere.</summary>
internal static class References
{
    /// <summary>The folder of a network's files.</summary>
    public static string Net(string name)
    {
        var folder = Path.Combine(RealModels.Path(".."), "explain", name);
        Assert.SkipUnless(Directory.Exists(folder), "needs the references in ../shared/data/explain, which are not here");
        return folder;
    }

    /// <summary>Compares by the relative L2 distance.</summary>
    public static void AssertClose(float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        var distance = Math.Sqrt(expected.Zip(actual, (e, a) => Math.Pow((double)e - a, 2)).Sum());
        var norm = Math.Sqrt(expected.Sum(e => (double)e * e));
        Assert.True(distance <= tolerance * norm, $"relative distance {distance / norm}");
    }
}
