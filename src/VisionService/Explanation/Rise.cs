using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>Random coarse masks: a place matters when the score is high whenever it shows.</summary>
/// <remarks>Source: Petsiuk, Das, Saenko, "RISE", 2018. The paper asks for probabilities as scores; a score that can be
/// negative turns the map's sign with it.</remarks>
internal sealed class Rise : SoftMasks
{
    /// <summary>Default number of masks.</summary>
    public const int DefaultCount = 512;

    private readonly ulong _seed;
    private readonly int _cells;
    private readonly double _share;

    /// <param name="fill">[C]: what hides; see <see cref="MeanColor"/>.</param>
    /// <param name="seed">The same seed gives the same masks, on every machine.</param>
    /// <param name="cells">A mask is drawn on so many cells along each axis.</param>
    /// <param name="share">How likely a cell shows the picture, above 0 to 1.</param>
    public Rise(
        ModelInput shape, ReadOnlySpan<byte> fill, ulong seed = 0, int count = DefaultCount, int cells = 7,
        double share = 0.5)
        : base(shape, fill)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(cells);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(share);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 1);
        (_seed, Count, _cells, _share) = (seed, count, cells, share);
    }

    public override int Count { get; }

    /// <summary>Cells drawn at random, enlarged to one cell more than the input is wide and high, and cut out at a
    /// random place, so that the cells' borders do not show in the sum.</summary>
    public override void Mask(int index, Span<float> mask)
    {
        var random = new SplitMix64(_seed, index);
        var grid = new float[_cells * _cells];
        for (var i = 0; i < grid.Length; i++)
        {
            grid[i] = random.NextDouble() < _share ? 1 : 0;
        }

        var rows = Shifted(Shape.Height, ref random);
        var columns = Shifted(Shape.Width, ref random);
        new BilinearMap(grid, columns, rows).Write(mask);
    }

    /// <summary>[H, W]: <c>sum of score * mask / (count * share)</c>.</summary>
    public override HeatMap Combine(float baseScore, ReadOnlySpan<float> scores) => WeightedSum(scores, Count * _share);

    private LinearAxis Shifted(int side, ref SplitMix64 random)
    {
        var cell = (side + _cells - 1) / _cells;
        var shift = random.NextInt(cell);
        var step = (double)_cells / ((_cells + 1) * cell);
        return new LinearAxis(_cells, side, ((shift + 0.5) * step) - 0.5, step);
    }
}
