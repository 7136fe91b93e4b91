using System.Collections.Concurrent;
using VisionService.Detection.Decoders;
using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Detection;

/// <summary>What a caller wants to find in one image.</summary>
/// <param name="Filter">Which classes and how sure.</param>
/// <param name="Suppression">How duplicates are dropped; null: as the model's family does.</param>
/// <param name="MaxIoU">Two boxes that overlap more are one object, 0-1.</param>
/// <param name="Part">Where to look, in pixels of the image, which then holds all of them; null: everywhere.</param>
internal sealed record DetectRequest(
    RgbImage Image, ScoreFilter Filter, SuppressionMethod? Suppression, float MaxIoU, int MaxDetections, Tile? Part = null)
{
    /// <summary>Lowest score where nobody says one.</summary>
    public const float DefaultMinScore = 0.25f;

    /// <summary>Overlap of duplicates where nobody says one.</summary>
    public const float DefaultMaxIoU = 0.45f;

    /// <summary>The tiles to look at besides the whole; null: none.</summary>
    public TileRequest? Tiles { get; init; }
}

/// <param name="Width">Pixels of the image.</param>
/// <param name="Overlap">What neighbouring tiles share of a side, 0 to less than 1.</param>
/// <param name="MayGrow">Whether tiles grow where there would be too many of them; else that is an error.</param>
internal sealed record TileRequest(int Width, int Height, float Overlap, bool MayGrow = false);

/// <param name="Objects">Best score first, in pixels of the upright image.</param>
internal sealed record DetectResult(IReadOnlyList<DetectedObject> Objects);

/// <summary>The task of finding objects: a family's decoder between the letterbox and its way back.</summary>
/// <param name="geometry">How an image is brought to the network's size.</param>
/// <param name="channels">3 for RGB planes, 1 for grey.</param>
/// <param name="buildDecoder">A decoder for the shapes that a run of one input size gave.</param>
internal sealed class Detector(
    InputGeometry geometry,
    int channels,
    DetectorFamily family,
    Func<ModelInput, IReadOnlyList<OutputSignature>, IDetectionDecoder> buildDecoder)
    : IVisionTask<DetectRequest, DetectResult>
{
    // Grids and anchors depend on the size; a network that takes any size sees few of them, all multiples of its
    // stride.
    private readonly ConcurrentDictionary<ModelInput, IDetectionDecoder> _decoders = new();

    public ModelInput Shape(DetectRequest request)
    {
        var fitted = Fitted(request);
        return new ModelInput(channels, fitted.Height, fitted.Width);
    }

    public void Preprocess(DetectRequest request, Span<byte> planes)
    {
        if (request.Part is { } part)
        {
            using var cut = request.Image.Cut(part.Left, part.Top, part.Width, part.Height);
            Planes.Write(cut, Fitted(request).Place(part.Width, part.Height), planes, channels);
            return;
        }

        var (width, height) = SourceSize(request);
        Planes.Write(request.Image, Fitted(request).Place(width, height), planes, channels);
    }

    public DetectResult Postprocess(DetectRequest request, ModelOutputs outputs)
    {
        using var candidates = Find(request, outputs);
        return new DetectResult(candidates.ToObjects());
    }

    /// <summary>What one item's rows show, in pixels of the upright image, best first, with the rows they came from;
    /// the caller disposes of it.</summary>
    public Candidates Find(DetectRequest request, ModelOutputs outputs)
    {
        var decoder = DecoderFor(Shape(request), outputs);
        var candidates = Candidates.Rent(request.Filter, keyPointCount: decoder.KeyPointCount);
        decoder.Decode(outputs, candidates);
        NonMaxSuppression.Keep(candidates, request.Suppression ?? family.Suppression, request.MaxIoU, request.MaxDetections);

        var (width, height) = SourceSize(request);
        var placement = Fitted(request).Place(width, height);
        var (scaleX, scaleY) = ((float)width / placement.ResizedWidth, (float)height / placement.ResizedHeight);
        candidates.Map(scaleX, scaleY, -placement.OffsetX * scaleX, -placement.OffsetY * scaleY);
        candidates.Clip(width, height);
        if (request.Part is { } part)
        {
            candidates.Map(1, 1, part.Left, part.Top);
        }

        return candidates;
    }

    /// <summary>The elements of the outputs that the score of one of <see cref="Find"/>'s candidates is made of,
    /// weighted as <see cref="IDetectionDecoder.Trace"/> says.</summary>
    /// <param name="row">The candidate's row.</param>
    public OutputElement[] Trace(DetectRequest request, ModelOutputs outputs, int row, int classId) =>
        DecoderFor(Shape(request), outputs).Trace(outputs, row, classId);

    private static (int Width, int Height) SourceSize(DetectRequest request) => request.Part is { } part
        ? (part.Width, part.Height)
        : (request.Image.SourceWidth, request.Image.SourceHeight);

    private InputGeometry Fitted(DetectRequest request)
    {
        var (width, height) = SourceSize(request);
        return geometry.Fitted(width, height);
    }

    private IDetectionDecoder DecoderFor(ModelInput shape, ModelOutputs outputs)
    {
        if (_decoders.TryGetValue(shape, out var known))
        {
            return known;
        }

        var signatures = new OutputSignature[outputs.Count];
        for (var i = 0; i < signatures.Length; i++)
        {
            signatures[i] = new OutputSignature(outputs.Name(i), outputs.Shape(i).ToArray(), !outputs.IsFloat(i));
        }

        return _decoders.GetOrAdd(shape, buildDecoder(shape, signatures));
    }
}
