namespace OnnxGraph.Batching;

/// <summary>What is known of a value while its graph is run with a batch of one.</summary>
/// <param name="IsBatched">Whether axis 0 is the batch: row i depends on picture i and on nothing else of the batch.
/// Otherwise the value is the same for every batch, but for the size in <paramref name="Numbers"/>.</param>
/// <param name="Shape">The dimensions, <see cref="Unknown"/> where not known; null where not even the rank is.</param>
/// <param name="Numbers">The elements of a small integer tensor that may become a shape; null where not
/// followed.</param>
internal sealed record Fact(bool IsBatched, long[]? Shape, long[]? Numbers = null)
{
    /// <summary>A dimension or a number that is not known, though the same for every batch.</summary>
    public const long Unknown = long.MinValue + 1;

    /// <summary>Among <see cref="Numbers"/>: the size of the batch.</summary>
    public const long BatchSize = long.MinValue + 2;

    // Longer tensors are weights, not shapes.
    private const int MostNumbers = 64;

    public int Rank => Shape?.Length ?? -1;

    public bool HoldsBatchSize => Numbers?.Contains(BatchSize) ?? false;

    /// <summary>How many elements belong to one row of the batch, or <see cref="Unknown"/>.</summary>
    public long RowCount => Product(Shape!.Skip(1));

    public static Fact Of(Tensor tensor)
    {
        var isInteger = tensor.Type is ElementType.Int64 or ElementType.Int32;
        return new(false, [.. tensor.Shape], isInteger && tensor.Count <= MostNumbers ? tensor.ToInt64s() : null);
    }

    public static Fact OfNumbers(long[] numbers) => new(false, [numbers.Length], numbers);

    public static long Product(IEnumerable<long> dimensions) =>
        dimensions.Aggregate(1L, (product, dimension) => product < 0 || dimension < 0 ? Unknown : product * dimension);

    /// <summary>A fact of the same kind with another shape.</summary>
    public Fact WithShape(params long[] shape) => new(IsBatched, shape);
}
