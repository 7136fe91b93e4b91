using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.PixelFormats;

namespace VisionService.Tests.Detection;

/// <summary>Images with coloured rectangles on a ground, made at test time.</summary>
internal static class Scenes
{
    public static readonly Rgb24 Red = new(255, 0, 0);
    public static readonly Rgb24 Green = new(0, 255, 0);
    public static readonly Rgb24 Blue = new(0, 0, 255);
    public static readonly Rgb24 White = new(255, 255, 255);

    /// <summary>On grey.</summary>
    public static byte[] Of(
        int width, int height, IImageEncoder? encoder, params (Rgb24 Color, int XMin, int YMin, int XMax, int YMax)[] rectangles)
    {
        using var image = new Image<Rgb24>(width, height, new Rgb24(90, 90, 90));
        foreach (var (color, xMin, yMin, xMax, yMax) in rectangles)
        {
            Fill(image, color, xMin, yMin, xMax, yMax);
        }

        return Photos.Encode(image, encoder);
    }

    public static byte[] Of(
        int width, int height, params (Rgb24 Color, int XMin, int YMin, int XMax, int YMax)[] rectangles) =>
        Of(width, height, null, rectangles);

    private static void Fill(Image<Rgb24> image, Rgb24 color, int xMin, int yMin, int xMax, int yMax)
    {
        for (var y = yMin; y < yMax; y++)
        {
            for (var x = xMin; x < xMax; x++)
            {
                image[x, y] = color;
            }
        }
    }
}
