using System.Buffers;
using VisionService.Imaging;

namespace VisionService.Segmentation;

/// <summary>
/// Where the pixels of one axis of the upright image fall between the cells of a map that covers the network's input:
/// pixel centre -> input pixel -> cell, then linear between the two nearest cell centres.
/// </summary>
/// <remarks>Half-pixel centres (align_corners false). Cells that show nothing but padding are never read: at the
/// picture's edge the last cell that shows it is continued. Rented memory: dispose of it.</remarks>
internal sealed class GridAxis : IDisposable
{
    private readonly int[] _cells;
    private readonly float[] _weights;

    private GridAxis(Span span, int cells, int first, int length)
    {
        Length = length;
        var scale = (double)span.Resized / span.Source;
        var toCells = (double)cells / span.Input;
        var visible = (Start: Math.Max(span.Offset, 0), End: Math.Min(span.Offset + span.Resized, span.Input));
        FirstCell = Math.Clamp((int)Math.Floor(visible.Start * toCells), 0, cells - 1);
        LastCell = Math.Clamp((int)Math.Ceiling(visible.End * toCells) - 1, FirstCell, cells - 1);

        // Beyond a crop the network saw nothing.
        Start = Math.Clamp((int)Math.Ceiling((-span.Offset / scale) - 0.5) - first, 0, length);
        End = Math.Clamp((int)Math.Ceiling(((span.Input - span.Offset) / scale) - 0.5) - first, Start, length);

        _cells = ArrayPool<int>.Shared.Rent(length);
        _weights = ArrayPool<float>.Shared.Rent(length);
        for (var i = 0; i < length; i++)
        {
            var position = ((((first + i + 0.5) * scale) + span.Offset) * toCells) - 0.5;
            position = Math.Clamp(position, FirstCell, LastCell);
            var cell = Math.Min((int)position, Math.Max(LastCell - 1, FirstCell));
            (_cells[i], _weights[i]) = (cell, (float)(position - cell));
        }
    }

    /// <summary>How many pixels.</summary>
    public int Length { get; }

    /// <summary>The first pixel that the network saw.</summary>
    public int Start { get; }

    /// <summary>The pixel after the last that the network saw.</summary>
    public int End { get; }

    /// <summary>The first cell that shows the picture.</summary>
    public int FirstCell { get; }

    /// <summary>The last cell that shows the picture.</summary>
    public int LastCell { get; }

    /// <summary>Whether every pixel's centre is that of a cell.</summary>
    public bool IsExact => Weights.IndexOfAnyExcept(0, 1) < 0;

    /// <summary>For each pixel the cell before it.</summary>
    public ReadOnlySpan<int> Cells => _cells.AsSpan(0, Length);

    /// <summary>For each pixel the weight of <see cref="Next"/> of its cell, 0-1.</summary>
    public ReadOnlySpan<float> Weights => _weights.AsSpan(0, Length);

    /// <summary>The columns <c>[first, first + length)</c> of the picture over a map that is <paramref name="cells"/>
    /// wide.</summary>
    public static GridAxis Columns(in Placement placement, int cells, int first, int length)
    {
        var input = placement.Geometry.Width;
        return new(
            new(input, placement.ResizedWidth, placement.OffsetX, placement.SourceWidth), cells, first, length);
    }

    /// <summary>The rows <c>[first, first + length)</c> of the picture over a map that is <paramref name="cells"/>
    /// high.</summary>
    public static GridAxis Rows(in Placement placement, int cells, int first, int length)
    {
        var input = placement.Geometry.Height;
        return new(
            new(input, placement.ResizedHeight, placement.OffsetY, placement.SourceHeight), cells, first, length);
    }

    /// <summary>A map resized to <paramref name="size"/> pixels, of which <c>[first, first + length)</c> are
    /// wanted.</summary>
    public static GridAxis Resized(int cells, int size, int first, int length) =>
        new(new(cells, cells, 0, size), cells, first, length);

    /// <summary>The cell after this one; itself at the end.</summary>
    public int Next(int cell) => Math.Min(cell + 1, LastCell);

    /// <summary>The cell that holds the pixel's centre.</summary>
    public int Nearest(int pixel) => _weights[pixel] < 0.5f ? _cells[pixel] : Next(_cells[pixel]);

    /// <summary>The end of the run of seen pixels that lie between the same two cells as <paramref
    /// name="pixel"/>.</summary>
    public int RunEnd(int pixel)
    {
        var length = Cells[pixel..End].IndexOfAnyExcept(_cells[pixel]);
        return length < 0 ? End : pixel + length;
    }

    public void Dispose()
    {
        ArrayPool<int>.Shared.Return(_cells);
        ArrayPool<float>.Shared.Return(_weights);
    }

    /// <summary>One axis of a <see cref="Placement"/>.</summary>
    private readonly record struct Span(int Input, int Resized, int Offset, int Source);
}
