using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Detection;

/// <summary>Looks at an image part by part, so that small objects reach the network at a size it knows.</summary>
internal static class TiledDetection
{
    // Parts of one object in two tiles share most of the smaller part; neighbours do not.
    private const float MaxOverlap = 0.5f;

    /// <summary>Most tiles of one image: a full queue's worth would serve one caller and starve the others.</summary>
    public const int MaxTiles = 128;

    /// <summary>Runs the whole image and, where asked, its tiles, each an item like any other, and joins what they
    /// found.</summary>
    /// <exception cref="VisionException">The image would be cut into too many tiles; or as <see cref="Model{TRequest, TResult}.RunAsync"/>.</exception>
    public static async Task<(DetectResult Result, StageTimings Timings)> RunAsync(
        Model<DetectRequest, DetectResult> model, DetectRequest request, Ticket ticket, CancellationToken cancellationToken)
    {
        if (request.Tiles is not { } wanted)
        {
            return await model.RunAsync(request, ticket, cancellationToken);
        }

        var tiles = Plan(request.Image, wanted);
        if (tiles.Length == 1)
        {
            return await model.RunAsync(request, ticket, cancellationToken);
        }

        // One failure fails the image: the other tiles are called off.
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var answers = await Task.WhenAll(tiles.Select(tile => Task.Run(
            async () =>
            {
                try
                {
                    return await model.RunAsync(request with { Part = tile }, ticket, all.Token);
                }
                catch
                {
                    await all.CancelAsync();
                    throw;
                }
            },
            cancellationToken)));
        return (Merge(request, answers.Select(answer => answer.Result)), Longest(answers.Select(answer => answer.Timings)));
    }

    private static Tile[] Plan(RgbImage image, TileRequest wanted)
    {
        long Count() => Tiling.Count(image.Width, image.Height, wanted.Width, wanted.Height, wanted.Overlap);
        while (wanted.MayGrow && Count() > MaxTiles)
        {
            wanted = wanted with { Width = wanted.Width * 5 / 4, Height = wanted.Height * 5 / 4 };
        }

        return Count() <= MaxTiles ? Tiling.Plan(image.Width, image.Height, wanted.Width, wanted.Height, wanted.Overlap)
            : throw new VisionException(
                VisionError.InvalidRequest,
                $"Tiles of {wanted.Width}x{wanted.Height} cut the image of {image.Width} x {image.Height} pixels into {Count()}; {MaxTiles} are allowed.");
    }

    private static DetectResult Merge(DetectRequest request, IEnumerable<DetectResult> parts)
    {
        var objects = parts.SelectMany(part => part.Objects).ToArray();
        var keyPoints = objects.Length == 0 ? 0 : objects[0].KeyPoints.Count;
        using var candidates = Candidates.Rent(request.Filter, keyPointCount: keyPoints);
        foreach (var found in objects)
        {
            var into = candidates.Add(found.Box, found.ClassId, found.Score, row: 0);
            for (var i = 0; i < into.Length; i++)
            {
                into[i] = found.KeyPoints[i];
            }
        }

        NonMaxMerging.Keep(candidates, MaxOverlap, request.MaxDetections);
        return new DetectResult(candidates.ToObjects());
    }

    /// <summary>Tiles run side by side: the slowest of each stage is what the caller waited for.</summary>
    private static StageTimings Longest(IEnumerable<StageTimings> timings) => timings.Aggregate((a, b) => new StageTimings(
        Max(a.Preprocess, b.Preprocess), Max(a.Queue, b.Queue), Max(a.Inference, b.Inference), Max(a.Postprocess, b.Postprocess)));

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
