namespace VisionService.Detection;

/// <summary>A part of an image, in its pixels.</summary>
internal readonly record struct Tile(int Left, int Top, int Width, int Height);

/// <summary>Cuts an image into tiles, so that small objects reach the network at a size it knows.</summary>
/// <remarks>Akyon et al., Slicing Aided Hyper Inference, 2022.</remarks>
internal static class Tiling
{
    /// <summary>
    /// The whole image, then tiles of equal size row by row. Neighbours share <paramref name="overlap"/> of a side;
    /// the last of a row or column is moved back to end at the border. On an image no larger than a tile, the whole
    /// image alone.
    /// </summary>
    /// <param name="overlap">0 to less than 1; an object smaller than this share of a tile is whole in one of
    /// them.</param>
    public static Tile[] Plan(int imageWidth, int imageHeight, int tileWidth, int tileHeight, float overlap)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(imageWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(imageHeight, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(tileWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(tileHeight, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(overlap);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(overlap, 1);
        var whole = new Tile(0, 0, imageWidth, imageHeight);
        var (width, height) = (Math.Min(tileWidth, imageWidth), Math.Min(tileHeight, imageHeight));
        var tiles = from top in Starts(imageHeight, height, overlap)
                    from left in Starts(imageWidth, width, overlap)
                    select new Tile(left, top, width, height);
        return [whole, .. tiles.Where(tile => tile != whole)];
    }

    /// <summary>How many tiles <see cref="Plan"/> would give, the whole image not counted.</summary>
    public static long Count(int imageWidth, int imageHeight, int tileWidth, int tileHeight, float overlap) =>
        CountAlong(imageWidth, tileWidth, overlap) * CountAlong(imageHeight, tileHeight, overlap);

    private static long CountAlong(int side, int tile, float overlap) =>
        tile >= side ? 1 : 1 + ((side - tile - 1) / Step(tile, overlap)) + 1;

    private static int Step(int tile, float overlap) => Math.Max(1, (int)(tile * (1 - overlap)));

    private static IEnumerable<int> Starts(int side, int tile, float overlap)
    {
        var step = Step(tile, overlap);
        for (var start = 0; start + tile < side; start += step)
        {
            yield return start;
        }

        yield return side - tile;
    }
}
