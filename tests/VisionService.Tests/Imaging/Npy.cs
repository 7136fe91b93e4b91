using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace VisionService.Tests.Imaging;

/// <summary>An array from a NumPy .npy file: dtype |u1, |b1, &lt;i8 or &lt;f4, C order, any rank.</summary>
internal sealed partial class Npy
{
    private readonly byte[] _bytes;
    private readonly int _start;

    private Npy(byte[] bytes, int start, string type, int[] shape)
    {
        (_bytes, _start, Type, Shape) = (bytes, start, type, shape);
    }

    public string Type { get; }

    public int[] Shape { get; }

    public ReadOnlySpan<byte> U8 => As<byte>("|u1");

    public ReadOnlySpan<bool> Bool => As<bool>("|b1");

    public ReadOnlySpan<long> I64 => As<long>("<i8");

    public ReadOnlySpan<float> F32 => As<float>("<f4");

    public static Npy Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var wide = bytes[6] >= 2; // version 2 widened the header's length to four bytes
        var length = wide ? BitConverter.ToInt32(bytes, 8) : BitConverter.ToUInt16(bytes, 8);
        var start = wide ? 12 : 10;
        var header = Encoding.ASCII.GetString(bytes, start, length);
        if (header.Contains("'fortran_order': True", StringComparison.Ordinal))
        {
            throw new NotSupportedException($"{path} is in Fortran order.");
        }

        var match = HeaderPattern().Match(header);
        var shape = match.Groups["shape"].Value
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(side => int.Parse(side, CultureInfo.InvariantCulture))
            .ToArray();
        return new Npy(bytes, start + length, match.Groups["type"].Value, shape);
    }

    private ReadOnlySpan<T> As<T>(string type)
        where T : unmanaged
    {
        return Type == type
            ? MemoryMarshal.Cast<byte, T>(_bytes.AsSpan(_start))[..Shape.Aggregate(1, (product, side) => product * side)]
            : throw new InvalidOperationException($"The array holds {Type}, not {type}.");
    }

    [GeneratedRegex(@"'descr': '(?<type>[^']+)'.*'shape': \((?<shape>[^)]*)\)", RegexOptions.Singleline)]
    private static partial Regex HeaderPattern();
}
