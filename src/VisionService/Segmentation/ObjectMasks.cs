using System.Buffers;
using VisionService.Imaging;

namespace VisionService.Segmentation;

/// <summary>Masks of single objects from a map each, at full resolution and only as far as their boxes reach.</summary>
/// <remarks>Masks of different objects may overlap; none is cut for another's sake.</remarks>
internal static class ObjectMasks
{
    /// <summary>A map over the network's input: mask queries, masks that the model pasted itself.</summary>
    /// <param name="cells">[h, w]: logits (threshold 0) or probabilities (.5).</param>
    /// <param name="box">What lies outside is not part of the object.</param>
    public static InstanceMask Sample(
        ReadOnlySpan<float> cells, int height, int width, in Placement placement, MaskBox box, float threshold)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, height * width);
        var (left, top, across, down) = box.Pixels(placement.SourceWidth, placement.SourceHeight);
        using var columns = GridAxis.Columns(placement, width, left, across);
        using var rows = GridAxis.Rows(placement, height, top, down);
        return Draw(cells, width, columns, rows, left, top, threshold);
    }

    /// <summary>A small map of the box alone: Mask R-CNN's.</summary>
    /// <param name="cells">[h, w], probabilities: 28 by 28.</param>
    /// <remarks>As in the model's own demo: corners are cut to whole pixels, both inclusive, and what lies above the
    /// threshold of the resized map is the object.</remarks>
    public static InstanceMask Paste(
        ReadOnlySpan<float> cells, int height, int width, MaskBox box, int imageWidth, int imageHeight,
        float threshold = 0.5f)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, height * width);
        var (x, across) = ((int)box.XMin, (int)box.XMax - (int)box.XMin + 1);
        var (y, down) = ((int)box.YMin, (int)box.YMax - (int)box.YMin + 1);
        var (left, right) = (Math.Max(x, 0), Math.Min(x + across, imageWidth));
        var (top, bottom) = (Math.Max(y, 0), Math.Min(y + down, imageHeight));
        if (left >= right || top >= bottom)
        {
            return new InstanceMask(Math.Clamp(x, 0, imageWidth), Math.Clamp(y, 0, imageHeight), 0, 0);
        }

        using var columns = GridAxis.Resized(width, across, left - x, right - left);
        using var rows = GridAxis.Resized(height, down, top - y, bottom - top);
        return Draw(cells, width, columns, rows, left, top, threshold);
    }

    /// <summary>The pixels of the axes whose interpolated value is above the threshold.</summary>
    internal static InstanceMask Draw(
        ReadOnlySpan<float> cells, int width, GridAxis columns, GridAxis rows, int left, int top, float threshold)
    {
        var mask = new InstanceMask(left, top, columns.Length, rows.Length);
        var map = new Upsampling(cells, width, columns, rows);
        var rented = ArrayPool<float>.Shared.Rent(width + columns.Length);
        try
        {
            var row = rented.AsSpan(width, columns.Length)[..columns.End];
            for (var y = rows.Start; y < rows.End; y++)
            {
                map.Row(y, rented.AsSpan(0, width), row);
                row[..columns.Start].Fill(threshold); // unseen is not above it
                mask.SetAbove(y, row, threshold);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }

        return mask;
    }
}
