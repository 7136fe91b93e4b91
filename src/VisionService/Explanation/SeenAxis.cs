using VisionService.Imaging;

namespace VisionService.Explanation;

/// <summary>One axis of a picture over a map that covers the network's input: where its pixels fall between the cells,
/// and which of them the network saw.</summary>
/// <param name="Axis">The picture's pixels over the map's cells.</param>
/// <param name="Start">The first pixel that the network saw.</param>
/// <param name="End">The pixel after the last that the network saw.</param>
internal readonly record struct SeenAxis(LinearAxis Axis, int Start, int End)
{
    /// <summary>Whether something was cut off.</summary>
    public bool IsCropped => Start > 0 || End < Axis.Cells.Length;

    /// <summary>The columns of a picture.</summary>
    /// <param name="cells">The map's width.</param>
    /// <param name="pixels">The picture's width, which may be smaller than the source's.</param>
    /// <param name="left">Where the source begins in it.</param>
    /// <param name="extent">How many of its pixels the source covers.</param>
    public static SeenAxis Columns(in Placement placement, int cells, int pixels, double left, double extent) =>
        Of(placement.Geometry.Width, placement.ResizedWidth, placement.OffsetX, cells, pixels, left, extent);

    /// <summary>The rows of a picture.</summary>
    public static SeenAxis Rows(in Placement placement, int cells, int pixels, double top, double extent) =>
        Of(placement.Geometry.Height, placement.ResizedHeight, placement.OffsetY, cells, pixels, top, extent);

    private static SeenAxis Of(int input, int resized, int offset, int cells, int pixels, double first, double extent)
    {
        // Pixel i, of centre i + 0.5, lies at (i + 0.5 - first) * scale + offset of the input.
        var scale = resized / extent;
        var toCells = (double)cells / input;
        var start = (int)Math.Ceiling(first - (offset / scale) - 0.5);
        var end = (int)Math.Ceiling(first + ((input - offset) / scale) - 0.5);
        var axis = new LinearAxis(
            cells, pixels, ((((0.5 - first) * scale) + offset) * toCells) - 0.5, scale * toCells);
        return new SeenAxis(axis, Math.Clamp(start, 0, pixels), Math.Clamp(end, 0, pixels));
    }
}
