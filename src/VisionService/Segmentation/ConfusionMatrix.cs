namespace VisionService.Segmentation;

/// <summary>How often each labelled class was taken for each class, pixel by pixel, and what follows from it.</summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class ConfusionMatrix(int classes)
{
    private readonly int _columns = classes + 1; // the last: void, or a class beyond those compared
    private readonly long[] _pixels = new long[classes * (classes + 1)];

    public int Classes { get; } = classes;

    /// <summary>The labelled pixels counted.</summary>
    public long Total => _pixels.Sum();

    /// <summary>The share of labelled pixels that were recognised, 0-1; NaN without any.</summary>
    public double PixelAccuracy => (double)Sum(c => this[c, c]) / Total;

    /// <summary>The mean of <see cref="IoU"/> over the classes that were labelled or predicted anywhere.</summary>
    public double MeanIoU =>
        Enumerable.Range(0, Classes).Select(IoU).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average();

    /// <summary>The mean of <see cref="IoU"/>, each class weighted by its labelled pixels.</summary>
    public double FrequencyWeightedIoU =>
        Enumerable.Range(0, Classes).Where(c => Labelled(c) > 0).Sum(c => Labelled(c) * IoU(c)) / Total;

    /// <summary>Pixels labelled <paramref name="label"/> that were taken for <paramref name="predicted"/>.</summary>
    public long this[int label, int predicted] => _pixels[(label * _columns) + predicted];

    /// <summary>Counts a picture.</summary>
    /// <param name="labels">[H, W]: the label of each pixel.</param>
    /// <param name="classOf">For each label its class id; a label without one, or beyond the end, is void and does not
    /// count. Empty: labels are class ids.</param>
    public void Add(LabelMap predicted, ReadOnlySpan<byte> labels, ReadOnlySpan<int?> classOf = default)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(labels.Length, predicted.Ids.Length);
        Span<int> rows = stackalloc int[256];
        for (var label = 0; label < rows.Length; label++)
        {
            var id = classOf.IsEmpty ? label : label < classOf.Length ? classOf[label] : null;
            rows[label] = id >= 0 && id < Classes ? id.Value * _columns : -1;
        }

        for (var i = 0; i < labels.Length; i++)
        {
            var row = rows[labels[i]];
            if (row >= 0)
            {
                _pixels[row + Math.Min(predicted.Ids[i], Classes)]++;
            }
        }
    }

    /// <summary>Pixels that have a class in both, over those that have it in either; NaN where no pixel has.</summary>
    public double IoU(int classId)
    {
        var both = this[classId, classId];
        return (double)both / (Labelled(classId) + Sum(label => this[label, classId]) - both);
    }

    private long Labelled(int classId) => _pixels.AsSpan(classId * _columns, _columns).ToArray().Sum();

    private long Sum(Func<int, long> pixels) => Enumerable.Range(0, Classes).Sum(pixels);
}
