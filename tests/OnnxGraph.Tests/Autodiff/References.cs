using System.Text.Json;
using VisionService.Tests.Imaging;

namespace OnnxGraph.Tests.Autodiff;

/// <summary>Gradients that PyTorch computed in float64, beside the repository on some machines.</summary>
internal static class References
{
    private static readonly string? Root = SharedData.Folder("explain");

    public static bool Exist => Root is not null;

    public static string Path(params string[] parts)
    {
        Assert.SkipUnless(Exist, "needs the references in ../shared/data/explain, which are not here");
        return System.IO.Path.Combine([Root!, .. parts]);
    }

    public static JsonElement Manifest(params string[] folder)
    {
        using var stream = File.OpenRead(Path([.. folder, "manifest.json"]));
        return JsonDocument.Parse(stream).RootElement;
    }

    public static Onnx.Array Array(params string[] parts)
    {
        var npy = Npy.Read(Path(parts));
        return Onnx.Array.Of(npy.F32.ToArray(), System.Array.ConvertAll(npy.Shape, size => (long)size));
    }

    /// <summary>The length of the difference over the length of what is expected; the length itself where nothing but zeros
    /// is.</summary>
    public static double RelativeError(Onnx.Array expected, Onnx.Array actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var (a, b) = (expected.Doubles, actual.Doubles);
        var difference = Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Sum());
        var length = Math.Sqrt(a.Sum(x => x * x));
        return length == 0 ? difference : difference / length;
    }

    public static void AssertClose(Onnx.Array expected, Onnx.Array actual, string what)
    {
        var error = RelativeError(expected, actual);
        Assert.True(error <= 1e-4, $"{what}: relative error {error:g3}");
    }
}
