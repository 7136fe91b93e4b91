namespace VisionService.Segmentation;

/// <summary>Where an object lies, in pixels of the upright image; the maxima are exclusive.</summary>
internal readonly record struct MaskBox(float XMin, float YMin, float XMax, float YMax)
{
    /// <summary>The whole image.</summary>
    public static MaskBox Of(int width, int height) => new(0, 0, width, height);

    /// <summary>The pixels of an image of this size whose centres lie in the box.</summary>
    public (int Left, int Top, int Width, int Height) Pixels(int width, int height)
    {
        var (left, top) = (FirstPixel(XMin, width), FirstPixel(YMin, height));
        return (left, top, Math.Max(FirstPixel(XMax, width) - left, 0), Math.Max(FirstPixel(YMax, height) - top, 0));
    }

    private static int FirstPixel(float edge, int size) => (int)Math.Clamp(MathF.Ceiling(edge - 0.5f), 0, size);
}
