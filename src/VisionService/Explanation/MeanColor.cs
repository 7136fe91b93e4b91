using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>What stands for "nothing there": the picture's own mean, less remarkable to a network than black.</summary>
internal static class MeanColor
{
    /// <summary>One value for each channel.</summary>
    /// <param name="planes">[C, H, W].</param>
    public static byte[] Of(ModelInput shape, ReadOnlySpan<byte> planes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(planes.Length, shape.Length);
        var mean = new byte[shape.Channels];
        for (var c = 0; c < mean.Length; c++)
        {
            var sum = 0L;
            foreach (var value in planes.Slice(c * shape.Area, shape.Area))
            {
                sum += value;
            }

            mean[c] = (byte)((sum + (shape.Area / 2)) / shape.Area);
        }

        return mean;
    }
}
