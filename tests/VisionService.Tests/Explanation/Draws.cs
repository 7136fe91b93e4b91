using VisionService.Explanation;

namespace VisionService.Tests.Explanation;

/// <summary>Random arrays, the same each time.</summary>
internal static class Draws
{
    public static float[] Normal(int length, int stream = 0)
    {
        var random = new SplitMix64(seed: 1, stream);
        var values = new float[length];
        for (var i = 0; i < length; i++)
        {
            values[i] = random.NextNormal();
        }

        return values;
    }

    public static byte[] Bytes(int length, int stream = 0)
    {
        var random = new SplitMix64(seed: 2, stream);
        var values = new byte[length];
        for (var i = 0; i < length; i++)
        {
            values[i] = (byte)random.NextInt(256);
        }

        return values;
    }
}
