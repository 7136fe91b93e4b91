namespace VisionService.Inference;

/// <summary>
/// The sizes of batches that runs are padded to: 1, 2, 4, 8 and so on, and the largest. CUDA kernels and memory are
/// prepared anew for each new shape; few sizes are all met while warming up.
/// </summary>
internal static class BatchBuckets
{
    /// <summary>The smallest size that takes the items; more than <paramref name="max"/> are a size of their
    /// own.</summary>
    public static int Of(int items, int max)
    {
        var size = 1;
        while (size < items)
        {
            size = checked(size * 2);
        }

        return Math.Max(items, Math.Min(size, max));
    }

    /// <summary>All sizes up to <paramref name="max"/>, which is one of them, in rising order.</summary>
    public static IReadOnlyList<int> UpTo(int max)
    {
        var sizes = new List<int>();
        for (var size = 1; size < max; size *= 2)
        {
            sizes.Add(size);
        }

        return [.. sizes, max];
    }
}
