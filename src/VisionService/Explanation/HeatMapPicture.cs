using System.Buffers;
using VisionService.Imaging;

namespace VisionService.Explanation;

/// <summary>Heat maps as people look at them: over the photo, or bare.</summary>
/// <remarks>A map covers the network's input; it is normalised, and laid where the network looked, back through crop or
/// letterbox, bilinearly.</remarks>
internal static class HeatMapPicture
{
    /// <summary>As in Chollet's book.</summary>
    public const float DefaultOpacity = 0.4f;

    // What was not seen: grey, at 45 % of its brightness, in 1/256.
    private const int UnseenBrightness = 115;

    private static readonly Rgb BorderColor = new(255, 255, 255);

    /// <summary>Lays the map over a picture. What the network's crop cut off is grey and dark, behind a white
    /// line.</summary>
    /// <param name="image">Changed in place; may be held smaller than its source.</param>
    /// <param name="map">Of any size; covers the input of <paramref name="placement"/>.</param>
    /// <param name="placement">Where the picture lay in the input.</param>
    /// <param name="opacity">0: the picture; 1: the colours alone.</param>
    public static void Draw(
        RgbImage image, HeatMap map, in Placement placement, ColorMap colors, float opacity = DefaultOpacity)
    {
        Check(placement, image.SourceWidth, image.SourceHeight);
        var heat = map.Normalized(epsilon: 0);
        var extent = image.Extent;
        var columns = SeenAxis.Columns(placement, heat.Width, image.Width, extent.Left, extent.Width);
        var rows = SeenAxis.Rows(placement, heat.Height, image.Height, extent.Top, extent.Height);
        var reader = new BilinearMap(heat.Values, columns.Axis, rows.Axis);
        var weight = (int)((Math.Clamp(opacity, 0, 1) * 256) + 0.5f);
        var tints = Array.ConvertAll(colors.Rgb.ToArray(), color => (color * weight) + 128);

        var rented = ArrayPool<float>.Shared.Rent(image.Width);
        try
        {
            var row = rented.AsSpan(0, image.Width);
            for (var y = 0; y < image.Height; y++)
            {
                var pixels = image.Row(y);
                if (y < rows.Start || y >= rows.End)
                {
                    Dim(pixels);
                    continue;
                }

                reader.Row(y, row);
                var (start, end) = (columns.Start, columns.End);
                Dim(pixels[..(start * 3)]);
                Tint(pixels[(start * 3)..(end * 3)], row[start..end], tints, 256 - weight);
                Dim(pixels[(end * 3)..]);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }

        DrawBorder(image, columns, rows);
    }

    /// <summary>The map alone as a palette PNG. Index 0 is what the network did not see, transparent; 1 to 255 is heat
    /// from 0 to 1, in the colours of <paramref name="colors"/>.</summary>
    /// <param name="width">Of the file, which shows the whole upright picture.</param>
    /// <param name="height">Of the file.</param>
    public static byte[] Bare(HeatMap map, in Placement placement, ColorMap colors, int width, int height)
    {
        var heat = map.Normalized(epsilon: 0);
        var columns = SeenAxis.Columns(placement, heat.Width, width, 0, width);
        var rows = SeenAxis.Rows(placement, heat.Height, height, 0, height);
        var reader = new BilinearMap(heat.Values, columns.Axis, rows.Axis);
        var indices = new byte[width * height];
        var row = new float[width];
        for (var y = rows.Start; y < rows.End; y++)
        {
            reader.Row(y, row);
            for (var x = columns.Start; x < columns.End; x++)
            {
                indices[(y * width) + x] = (byte)(1.5f + (Math.Clamp(row[x], 0, 1) * 254));
            }
        }

        return PngEncoder.Encode(indices, width, height, PngColor.Palette, Palette(colors), [0]);
    }

    private static void Check(in Placement placement, int sourceWidth, int sourceHeight)
    {
        if ((placement.SourceWidth, placement.SourceHeight) != (sourceWidth, sourceHeight))
        {
            throw new ArgumentException("The placement was made for a picture of another size.", nameof(placement));
        }
    }

    private static void Tint(Span<byte> pixels, ReadOnlySpan<float> heat, ReadOnlySpan<int> tints, int keep)
    {
        for (var x = 0; x < heat.Length; x++)
        {
            var tint = tints.Slice((int)((Math.Clamp(heat[x], 0, 1) * 255) + 0.5f) * 3, 3);
            var pixel = pixels.Slice(x * 3, 3);
            pixel[0] = (byte)(((pixel[0] * keep) + tint[0]) >> 8);
            pixel[1] = (byte)(((pixel[1] * keep) + tint[1]) >> 8);
            pixel[2] = (byte)(((pixel[2] * keep) + tint[2]) >> 8);
        }
    }

    private static void Dim(Span<byte> pixels)
    {
        for (var i = 0; i < pixels.Length; i += 3)
        {
            var grey = (byte)(new Rgb(pixels[i], pixels[i + 1], pixels[i + 2]).Luma * UnseenBrightness >> 8);
            pixels.Slice(i, 3).Fill(grey);
        }
    }

    // Along an axis that is seen whole the frame runs out of the picture.
    private static void DrawBorder(RgbImage image, in SeenAxis columns, in SeenAxis rows)
    {
        if (!columns.IsCropped && !rows.IsCropped)
        {
            return;
        }

        var canvas = new Canvas(image);
        var beyond = canvas.Line + 1;
        canvas.Frame(
            columns.Start > 0 ? columns.Start : -beyond,
            rows.Start > 0 ? rows.Start : -beyond,
            columns.End < image.Width ? columns.End : image.Width + beyond,
            rows.End < image.Height ? rows.End : image.Height + beyond,
            BorderColor);
    }

    private static byte[] Palette(ColorMap colors)
    {
        var palette = new byte[256 * 3];
        for (var index = 1; index < 256; index++)
        {
            var heat = (((index - 1) * 255) + 127) / 254;
            colors.Rgb.Slice(heat * 3, 3).CopyTo(palette.AsSpan(index * 3));
        }

        return palette;
    }
}
