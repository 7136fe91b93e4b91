using System.Runtime.InteropServices;

namespace VisionService.Tests.Detection;

/// <summary>NumPy's file of little-endian float32: magic, version, length of a header that a reader who knows the shape can skip, numbers.</summary>
internal static class Npy
{
    public static float[] Floats(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var header = BitConverter.ToUInt16(bytes, 8);
        Assert.Contains("'<f4'", System.Text.Encoding.ASCII.GetString(bytes, 10, header));
        return MemoryMarshal.Cast<byte, float>(bytes.AsSpan(10 + header)).ToArray();
    }
}
