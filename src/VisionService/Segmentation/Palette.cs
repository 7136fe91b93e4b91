namespace VisionService.Segmentation;

/// <summary>Colours for ids: R, G, B each.</summary>
internal static class Palette
{
    /// <summary>Pascal VOC's 256 colours: [256, 3].</summary>
    /// <remarks>The bits of the id, three at a time from the lowest, become bits of red, green and blue from the
    /// highest.</remarks>
    public static ReadOnlySpan<byte> Voc => VocColors;

    /// <summary>Colours that tell neighbours in a list apart: [256, 3]; 0 is black, for the background.</summary>
    /// <remarks>Hues a golden angle apart never come close again soon; every second and third one is paler or
    /// darker.</remarks>
    public static ReadOnlySpan<byte> Instances => InstanceColors;

    private static readonly byte[] VocColors = MakeVoc();
    private static readonly byte[] InstanceColors = MakeInstances();

    private static byte[] MakeVoc()
    {
        var colors = new byte[256 * 3];
        for (var id = 0; id < 256; id++)
        {
            for (var (rest, bit) = (id, 7); rest > 0; (rest, bit) = (rest >> 3, bit - 1))
            {
                colors[id * 3] |= (byte)((rest & 1) << bit);
                colors[(id * 3) + 1] |= (byte)((rest >> 1 & 1) << bit);
                colors[(id * 3) + 2] |= (byte)((rest >> 2 & 1) << bit);
            }
        }

        return colors;
    }

    private static byte[] MakeInstances()
    {
        const double GoldenAngle = 0.381966011250105; // of a turn
        var colors = new byte[256 * 3];
        for (var id = 1; id < 256; id++)
        {
            var hue = (id - 1) * GoldenAngle % 1;
            var saturation = id % 3 == 2 ? 0.6 : 0.95;
            var value = id % 3 == 0 ? 0.75 : 1;
            for (var channel = 0; channel < 3; channel++)
            {
                // HSV: red peaks at 0, green at 1/3, blue at 2/3 of the turn.
                var distance = Math.Abs(((hue - (channel / 3.0) + 1.5) % 1) - 0.5);
                var strength = Math.Clamp(2 - (6 * distance), 0, 1);
                colors[(id * 3) + channel] = (byte)(255 * value * (1 - (saturation * (1 - strength))));
            }
        }

        return colors;
    }
}
