namespace VisionService.Inference;

/// <summary>
/// What a run costs by the number of its rows: <c>milliseconds = a * rows + b</c>, learnt from runs, the recent ones
/// counting most. Sizes that were seen answer from their own mean. Thread-safe.
/// </summary>
/// <remarks>Rows are those that the run really had, padding included; an item of a larger image than usual counts as
/// more than one.</remarks>
internal sealed class CostModel
{
    // A run's share in the mean: half of what is known is of the last seven runs.
    private const double Newest = 0.1;

    // Sizes 1, 2, 3-4, 5-8, ... 513 and more.
    private const int Buckets = 11;

    // The first runs of a size allocate and pick kernels: a figure far above the others' says little until it is repeated.
    private const double Outlier = 4;

    private readonly Lock _lock = new();
    private readonly (double Rows, double Milliseconds, int Runs)[] _seen = new (double, double, int)[Buckets];

    /// <summary>Milliseconds of one more row.</summary>
    public double PerRow => Line().Slope;

    /// <summary>Milliseconds of a run whatever its size.</summary>
    public double PerRun => Line().Base;

    public void Observe(double rows, TimeSpan duration)
    {
        var milliseconds = duration.TotalMilliseconds;
        lock (_lock)
        {
            ref var bucket = ref _seen[BucketOf(rows)];
            if (bucket.Runs == 0)
            {
                bucket = (rows, milliseconds, 1);
                return;
            }

            // One run that was interrupted must not make the next hundred look late.
            var taken = Math.Min(milliseconds, Outlier * bucket.Milliseconds);
            var weight = Math.Max(Newest, 1.0 / (bucket.Runs + 1));
            bucket = (
                bucket.Rows + (weight * (rows - bucket.Rows)),
                bucket.Milliseconds + (weight * (taken - bucket.Milliseconds)),
                bucket.Runs + 1);
        }
    }

    /// <summary>Milliseconds that a run of so many rows will take; 0 before any run was seen.</summary>
    public double Predict(double rows)
    {
        lock (_lock)
        {
            var bucket = _seen[BucketOf(rows)];
            if (bucket.Runs > 0)
            {
                return bucket.Milliseconds * (rows / bucket.Rows);
            }
        }

        var (slope, fixedPart) = Line();
        return (slope * rows) + fixedPart;
    }

    private static int BucketOf(double rows) =>
        Math.Clamp((int)Math.Ceiling(Math.Log2(Math.Max(1, rows))), 0, Buckets - 1);

    /// <summary>The least-squares line through the sizes seen; neither part is negative.</summary>
    private (double Slope, double Base) Line()
    {
        double n = 0, x = 0, y = 0, xx = 0, xy = 0;
        lock (_lock)
        {
            foreach (var (rows, milliseconds, runs) in _seen)
            {
                if (runs > 0)
                {
                    n++;
                    x += rows;
                    y += milliseconds;
                    xx += rows * rows;
                    xy += rows * milliseconds;
                }
            }
        }

        if (n == 0)
        {
            return (0, 0);
        }

        var spread = (n * xx) - (x * x);
        var slope = spread > 1e-9 ? ((n * xy) - (x * y)) / spread : y / x;
        slope = Math.Max(slope, 0);
        var fixedPart = (y - (slope * x)) / n;
        return fixedPart >= 0 ? (slope, fixedPart) : (xy / xx, 0);
    }
}
