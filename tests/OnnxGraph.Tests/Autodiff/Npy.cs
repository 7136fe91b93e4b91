using System.Text;
using System.Text.RegularExpressions;

namespace OnnxGraph.Tests.Autodiff;

/// <summary>Reads NumPy's files of little-endian floats, format 1.0.</summary>
internal static partial class Npy
{
    public static Onnx.Array Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var begin = 10 + BitConverter.ToUInt16(bytes, 8);
        var header = Encoding.ASCII.GetString(bytes, 10, begin - 10);
        Assert.Contains("'<f4'", header, StringComparison.Ordinal);
        var shape = Shape().Match(header).Groups[1].Value
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(long.Parse);
        return new(ElementType.Float, [.. shape], bytes[begin..]);
    }

    [GeneratedRegex(@"'shape': \(([^)]*)\)")]
    private static partial Regex Shape();
}
