namespace VisionService.Explanation;

/// <summary>Colours for heat: 256 of them, from cold to hot, byte for byte those of matplotlib.</summary>
internal sealed partial class ColorMap
{
    /// <summary>Blue, cyan, yellow, red: what readers of Grad-CAM pictures know.</summary>
    public static readonly ColorMap Jet = new("jet", MakeJet());

    /// <summary>Purple to yellow, equally steep everywhere, also for the colour-blind and in print.</summary>
    public static readonly ColorMap Viridis = new("viridis", Parse(ViridisColors));

    /// <summary>Jet's hues without its false edges.</summary>
    public static readonly ColorMap Turbo = new("turbo", Parse(TurboColors));

    /// <summary>Black over red to pale yellow, equally steep everywhere.</summary>
    public static readonly ColorMap Inferno = new("inferno", Parse(InfernoColors));

    private static readonly ColorMap[] All = [Jet, Viridis, Turbo, Inferno];

    private readonly byte[] _rgb;

    private ColorMap(string name, byte[] rgb)
    {
        (Name, _rgb) = (name, rgb);
    }

    /// <summary>What <see cref="Find"/> knows; the first is the default.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(map => map.Name)];

    public string Name { get; }

    /// <summary>[256, 3]: R, G, B from 0, cold, to 255, hot.</summary>
    public ReadOnlySpan<byte> Rgb => _rgb;

    /// <summary>The map of this name, in any case; null where there is none.</summary>
    public static ColorMap? Find(string name) =>
        Array.Find(All, map => map.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static byte[] Parse(string colors) => Convert.FromHexString(string.Concat(colors.Split()));

    // Straight lines between these points, and bytes by cutting off: matplotlib's _cm.py and colors.py.
    private static byte[] MakeJet()
    {
        (double At, double Value)[] red = [(0, 0), (0.35, 0), (0.66, 1), (0.89, 1), (1, 0.5)];
        (double At, double Value)[] green = [(0, 0), (0.125, 0), (0.375, 1), (0.64, 1), (0.91, 0), (1, 0)];
        (double At, double Value)[] blue = [(0, 0.5), (0.11, 1), (0.34, 1), (0.65, 0), (1, 0)];
        var colors = new byte[256 * 3];
        for (var i = 0; i < 256; i++)
        {
            colors[i * 3] = Between(red, i);
            colors[(i * 3) + 1] = Between(green, i);
            colors[(i * 3) + 2] = Between(blue, i);
        }

        return colors;
    }

    private static byte Between((double At, double Value)[] points, int i)
    {
        var next = Math.Max(1, Array.FindIndex(points, point => point.At * 255 >= i));
        var (from, to) = (points[next - 1], points[next]);
        var distance = (i - (from.At * 255)) / ((to.At * 255) - (from.At * 255));
        return (byte)(Math.Clamp((distance * (to.Value - from.Value)) + from.Value, 0, 1) * 255);
    }
}
