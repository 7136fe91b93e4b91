namespace VisionService.Segmentation;

/// <summary>A model's scores for each class in each cell of a map over its input: logits or probabilities, at any
/// stride.</summary>
/// <remarks>A view of the model's output.</remarks>
internal readonly ref struct ScoreMap
{
    private ScoreMap(ReadOnlySpan<float> values, int classes, int height, int width, bool isInterleaved)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(classes, LabelMap.Void);
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, classes * height * width);
        Values = values;
        (Classes, Height, Width, IsInterleaved) = (classes, height, width, isInterleaved);
    }

    public ReadOnlySpan<float> Values { get; }

    public int Classes { get; }

    public int Height { get; }

    public int Width { get; }

    /// <summary>[h, w, C] rather than [C, h, w].</summary>
    public bool IsInterleaved { get; }

    /// <summary>Scores as <c>[C, h, w]</c>.</summary>
    public static ScoreMap Planar(ReadOnlySpan<float> values, int classes, int height, int width) =>
        new(values, classes, height, width, isInterleaved: false);

    /// <summary>Scores as <c>[h, w, C]</c>.</summary>
    public static ScoreMap Interleaved(ReadOnlySpan<float> values, int classes, int height, int width) =>
        new(values, classes, height, width, isInterleaved: true);

    /// <summary>Where among the values a class's score in a cell stands; cells are counted row by row.</summary>
    public int IndexOf(int classId, int cell) =>
        IsInterleaved ? (cell * Classes) + classId : (classId * Height * Width) + cell;

    /// <summary>The class with the highest score in a cell; of equal ones the lower.</summary>
    public int BestIn(int cell)
    {
        var best = 0;
        for (var c = 1; c < Classes; c++)
        {
            best = Values[IndexOf(c, cell)] > Values[IndexOf(best, cell)] ? c : best;
        }

        return best;
    }

    /// <summary>Row <paramref name="y"/> as <c>[w, C]</c>.</summary>
    /// <param name="buffer">Room for the row; used only where the classes lie in planes.</param>
    public ReadOnlySpan<float> Row(int y, Span<float> buffer)
    {
        if (IsInterleaved)
        {
            return Values.Slice(y * Width * Classes, Width * Classes);
        }

        for (var c = 0; c < Classes; c++)
        {
            var row = Values.Slice(((c * Height) + y) * Width, Width);
            for (int x = 0, to = c; x < row.Length; x++, to += Classes)
            {
                buffer[to] = row[x];
            }
        }

        return buffer[..(Width * Classes)];
    }
}
