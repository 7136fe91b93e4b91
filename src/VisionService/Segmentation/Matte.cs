using System.Buffers;
using System.Numerics.Tensors;
using VisionService.Imaging;

namespace VisionService.Segmentation;

/// <summary>How the one number a cell becomes an opacity.</summary>
internal enum MatteActivation
{
    /// <summary>Sigmoid where any value lies outside 0-1, else none.</summary>
    Detect,

    /// <summary>Probabilities already.</summary>
    None,

    /// <summary>Logits (BiRefNet).</summary>
    Sigmoid,

    /// <summary>Stretched so that the lowest is 0 and the highest is 1 (U-2-Net).</summary>
    MinMax,
}

/// <summary>A foreground: models with one channel, for saliency, portraits and matting.</summary>
/// <remarks>Activated in the model's cells, interpolated afterwards, as these models' own code does.</remarks>
internal static class Matte
{
    /// <summary>The opacity of the foreground at each pixel of the upright image: [H, W], 0-255.</summary>
    /// <param name="cells">[h, w].</param>
    public static byte[] Alpha(
        ReadOnlySpan<float> cells, int height, int width, in Placement placement, MatteActivation activation)
    {
        var alpha = GC.AllocateUninitializedArray<byte>(placement.SourceWidth * placement.SourceHeight);
        Rows(cells, height, width, placement, activation, alpha, static (y, row, alpha) =>
        {
            var to = alpha.AsSpan(y * row.Length, row.Length);
            for (var x = 0; x < row.Length; x++)
            {
                to[x] = (byte)((Math.Clamp(row[x], 0, 1) * 255) + 0.5f);
            }
        });
        return alpha;
    }

    /// <summary>1 where the foreground is more likely than <paramref name="minScore"/>, else 0.</summary>
    /// <param name="cells">[h, w].</param>
    public static LabelMap Foreground(
        ReadOnlySpan<float> cells, int height, int width, in Placement placement, MatteActivation activation,
        float minScore = 0.5f)
    {
        var map = new LabelMap(placement.SourceWidth, placement.SourceHeight);
        Rows(cells, height, width, placement, activation, (map, minScore), static (y, row, to) =>
        {
            var ids = to.map.Row(y);
            for (var x = 0; x < row.Length; x++)
            {
                ids[x] = row[x] > to.minScore ? (ushort)1 : (ushort)0;
            }
        });
        return map;
    }

    /// <summary>Which of the model's own cells are foreground: <see cref="Foreground"/> before it is
    /// interpolated.</summary>
    public static bool[] ForegroundCells(ReadOnlySpan<float> cells, MatteActivation activation, float minScore)
    {
        var activated = new float[cells.Length];
        Activate(cells, activation, activated);
        return Array.ConvertAll(activated, opacity => opacity > minScore);
    }

    private static void Rows<T>(
        ReadOnlySpan<float> cells, int height, int width, in Placement placement, MatteActivation activation, T state,
        RowWriter<T> write)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, height * width);
        using var columns = GridAxis.Columns(placement, width, 0, placement.SourceWidth);
        using var rows = GridAxis.Rows(placement, height, 0, placement.SourceHeight);
        var rented = ArrayPool<float>.Shared.Rent(cells.Length + width + columns.Length);
        try
        {
            var activated = rented.AsSpan(0, cells.Length);
            Activate(cells, activation, activated);
            var blend = rented.AsSpan(cells.Length, width);
            var row = rented.AsSpan(cells.Length + width, columns.Length);
            var map = new Upsampling(activated, width, columns, rows);
            for (var y = 0; y < rows.Length; y++)
            {
                map.Row(y, blend, row);
                write(y, row, state);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    private static void Activate(ReadOnlySpan<float> cells, MatteActivation activation, Span<float> activated)
    {
        var (min, max) = activation is MatteActivation.Detect or MatteActivation.MinMax
            ? (TensorPrimitives.Min(cells), TensorPrimitives.Max(cells))
            : (0, 1);
        if (activation == MatteActivation.Sigmoid || (activation == MatteActivation.Detect && (min < 0 || max > 1)))
        {
            TensorPrimitives.Sigmoid(cells, activated);
        }
        else if (activation == MatteActivation.MinMax && max > min)
        {
            TensorPrimitives.Subtract(cells, min, activated);
            TensorPrimitives.Divide(activated, max - min, activated);
        }
        else
        {
            cells.CopyTo(activated);
        }
    }

    private delegate void RowWriter<T>(int y, ReadOnlySpan<float> row, T state);
}
