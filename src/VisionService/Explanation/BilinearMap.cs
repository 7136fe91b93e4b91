namespace VisionService.Explanation;

/// <summary>A map of one number per cell, read at points between the cells.</summary>
/// <param name="values">[h, w].</param>
/// <param name="columns">Points over w cells.</param>
/// <param name="rows">Points over h cells.</param>
internal readonly ref struct BilinearMap(ReadOnlySpan<float> values, LinearAxis columns, LinearAxis rows)
{
    private readonly ReadOnlySpan<float> _values = values;
    private readonly float[] _blend = new float[columns.Count + 1];

    /// <summary>The points of row <paramref name="y"/>.</summary>
    public void Row(int y, Span<float> row)
    {
        // 1. Between the two rows of cells.
        var width = columns.Count;
        var cell = rows.Cells[y];
        var weight = rows.Weights[y];
        var above = _values.Slice(cell * width, width);
        var below = _values.Slice(Math.Min(cell + 1, rows.Count - 1) * width, width);
        for (var x = 0; x < width; x++)
        {
            _blend[x] = above[x] + ((below[x] - above[x]) * weight);
        }

        // 2. Between the columns; the last one is its own neighbour.
        _blend[width] = _blend[width - 1];
        var cells = columns.Cells[..row.Length];
        var weights = columns.Weights[..row.Length];
        var blend = _blend;
        for (var x = 0; x < row.Length; x++)
        {
            var left = blend[cells[x]];
            row[x] = left + ((blend[cells[x] + 1] - left) * weights[x]);
        }
    }

    /// <summary>All rows, one after the other.</summary>
    public void Write(Span<float> points)
    {
        var width = columns.Cells.Length;
        for (var y = 0; y < rows.Cells.Length; y++)
        {
            Row(y, points.Slice(y * width, width));
        }
    }
}
