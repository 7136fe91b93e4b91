using System.Globalization;

namespace VisionService.Imaging;

/// <summary>The colour that shines through transparent pixels.</summary>
internal readonly record struct Background(byte R, byte G, byte B)
{
    /// <summary>From "#rrggbb".</summary>
    public static Background Parse(string color)
    {
        var value = int.Parse(color.AsSpan(1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return new Background((byte)(value >> 16), (byte)(value >> 8), (byte)value);
    }

    /// <summary>Lays one pixel over the background.</summary>
    /// <param name="target">Three bytes.</param>
    /// <param name="r">Red.</param>
    /// <param name="g">Green.</param>
    /// <param name="b">Blue.</param>
    /// <param name="alpha">0 transparent, 255 opaque.</param>
    public void Compose(Span<byte> target, byte r, byte g, byte b, byte alpha)
    {
        target[0] = Mix(r, R, alpha);
        target[1] = Mix(g, G, alpha);
        target[2] = Mix(b, B, alpha);
    }

    /// <summary>Bare background: [N, 3].</summary>
    public void Fill(Span<byte> pixels)
    {
        for (var i = 0; i < pixels.Length; i += 3)
        {
            (pixels[i], pixels[i + 1], pixels[i + 2]) = (R, G, B);
        }
    }

    private static byte Mix(byte over, byte under, byte alpha) => (byte)(((over * alpha) + (under * (255 - alpha)) + 127) / 255);
}
