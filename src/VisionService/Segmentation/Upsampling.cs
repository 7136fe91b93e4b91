using System.Numerics.Tensors;

namespace VisionService.Segmentation;

/// <summary>A map of one number per cell, read at the pixels of the image: bilinear between cell centres.</summary>
/// <param name="cells">[h, w].</param>
/// <param name="width">w.</param>
internal readonly ref struct Upsampling(ReadOnlySpan<float> cells, int width, GridAxis columns, GridAxis rows)
{
    private readonly ReadOnlySpan<float> _cells = cells;

    /// <summary>The pixels of row <paramref name="y"/>; 0 where the network did not see the picture.</summary>
    /// <param name="blend">Room for w numbers.</param>
    public void Row(int y, Span<float> blend, Span<float> row)
    {
        if (y < rows.Start || y >= rows.End || columns.Start == columns.End)
        {
            row.Clear();
            return;
        }

        // 1. Between the two rows of cells, only as far as columns are read.
        var cell = rows.Cells[y];
        var first = columns.Cells[columns.Start];
        var count = columns.Next(columns.Cells[columns.End - 1]) - first + 1;
        var above = _cells.Slice((cell * width) + first, count);
        var below = _cells.Slice((rows.Next(cell) * width) + first, count);
        TensorPrimitives.Lerp(above, below, rows.Weights[y], blend);

        // 2. Between the columns.
        row[..columns.Start].Clear();
        row[columns.End..].Clear();
        var weights = columns.Weights;
        for (int x = columns.Start, end; x < columns.End; x = end)
        {
            end = columns.RunEnd(x);
            var left = blend[columns.Cells[x] - first];
            var slope = blend[columns.Next(columns.Cells[x]) - first] - left;
            for (; x < end; x++)
            {
                row[x] = left + (slope * weights[x]);
            }
        }
    }
}
