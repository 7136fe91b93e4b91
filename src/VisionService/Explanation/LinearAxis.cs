namespace VisionService.Explanation;

/// <summary>Where the points of one axis fall between the cells of a map: for each the cell before it and the weight of
/// the cell after. Points beyond the outermost cells take these.</summary>
internal sealed class LinearAxis
{
    private readonly int[] _cells;
    private readonly float[] _weights;

    /// <summary>Point i lies at <c>start + i * step</c>, 0 being the first cell's centre.</summary>
    public LinearAxis(int cells, int points, double start, double step)
    {
        Count = cells;
        _cells = new int[points];
        _weights = new float[points];
        for (var i = 0; i < points; i++)
        {
            var position = Math.Clamp(start + (i * step), 0, cells - 1);
            _cells[i] = Math.Clamp((int)position, 0, Math.Max(cells - 2, 0));
            _weights[i] = (float)(position - _cells[i]);
        }
    }

    /// <summary>How many cells.</summary>
    public int Count { get; }

    /// <summary>For each point the cell before it.</summary>
    public ReadOnlySpan<int> Cells => _cells;

    /// <summary>For each point the weight of the next cell, 0-1.</summary>
    public ReadOnlySpan<float> Weights => _weights;

    /// <summary>Cells and points as areas that cover the same length (align_corners false).</summary>
    public static LinearAxis HalfPixel(int cells, int points)
    {
        var step = (double)cells / points;
        return new LinearAxis(cells, points, (step - 1) / 2, step);
    }

    /// <summary>The first and the last point on the first and the last cell (align_corners true).</summary>
    public static LinearAxis Corners(int cells, int points) =>
        new(cells, points, 0, points > 1 ? (double)(cells - 1) / (points - 1) : 0);
}
