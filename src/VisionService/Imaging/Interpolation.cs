namespace VisionService.Imaging;

/// <summary>How a resized pixel is mixed from its neighbours.</summary>
internal enum Interpolation
{
    Nearest,

    /// <summary>Mean of the pixels whose centres lie inside (Pillow's BOX).</summary>
    Box,

    /// <summary>Mean of all that lies inside, edge pixels by their share (OpenCV's INTER_AREA when
    /// shrinking).</summary>
    Area,

    Bilinear,

    Hamming,

    /// <summary>Keys' cubic: a = -0.5 antialiased (Pillow), a = -0.75 otherwise (OpenCV).</summary>
    Bicubic,

    /// <summary>Windowed sinc over three lobes.</summary>
    Lanczos3,
}

/// <summary>The filter kernels, as functions of the distance from the centre in pixels.</summary>
internal static class Kernel
{
    private const double Pillow = -0.5;
    private const double OpenCv = -0.75;

    /// <summary>Distance beyond which the weight is zero.</summary>
    public static double Support(Interpolation interpolation) => interpolation switch
    {
        Interpolation.Nearest or Interpolation.Box or Interpolation.Area => 0.5,
        Interpolation.Bilinear or Interpolation.Hamming => 1,
        Interpolation.Bicubic => 2,
        Interpolation.Lanczos3 => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(interpolation)),
    };

    /// <summary>Weight of a pixel at this signed distance.</summary>
    public static double Weight(Interpolation interpolation, double x, bool antialias) => interpolation switch
    {
        Interpolation.Bilinear => Math.Max(0, 1 - Math.Abs(x)),
        Interpolation.Hamming => Hamming(Math.Abs(x)),
        Interpolation.Bicubic => Cubic(Math.Abs(x), antialias ? Pillow : OpenCv),
        Interpolation.Lanczos3 => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0,
        _ => x is > -0.5 and <= 0.5 ? 1 : 0,
    };

    private static double Cubic(double x, double a) => x switch
    {
        < 1 => ((((a + 2) * x) - (a + 3)) * x * x) + 1,
        < 2 => ((((x - 5) * x) + 8) * x - 4) * a,
        _ => 0,
    };

    private static double Hamming(double x) => x switch
    {
        0 => 1,
        < 1 => Sinc(x) * (0.54 + (0.46 * Math.Cos(Math.PI * x))),
        _ => 0,
    };

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
}
