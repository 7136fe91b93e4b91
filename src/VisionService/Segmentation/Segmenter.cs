using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Segmentation;

/// <summary>What a caller wants to see of one image.</summary>
/// <param name="Classes">The class ids to show; null: all.</param>
/// <param name="MinScore">Objects: the lowest score; foregrounds: the least probability. 0-1.</param>
/// <param name="Suppression">Objects: how duplicates are dropped, in the words of the API; null: the model's.</param>
/// <param name="MaxIoU">Objects: two boxes that overlap more are one.</param>
internal sealed record SegmentRequest(
    RgbImage Image, IReadOnlySet<int>? Classes, float? MinScore, float? MaxIoU, int MaxDetections, string? Suppression = null)
{
    /// <summary>Whether the answer is the foreground's opacity and not only where it is.</summary>
    public bool WantsAlpha { get; init; }

    /// <summary>Whether maps have the size of the picture as the network got it, and not the image's own: smaller, and
    /// quicker to make and to send. Not for objects.</summary>
    public bool AtNetworkSize { get; init; }
}

/// <summary>What becomes of queries that each have a class and a mask.</summary>
internal enum QueryMerging
{
    /// <summary>A class for each pixel, all queries voting.</summary>
    Semantic,

    /// <summary>An object for each sure query; masks may overlap.</summary>
    Instance,

    /// <summary>Segments that do not overlap.</summary>
    Panoptic,
}

/// <param name="Map">A class id for each pixel of the upright image, or of the picture that the network got; null where
/// the model finds objects.</param>
/// <param name="Objects">Best first; null where the model names every pixel. Their masks may overlap.</param>
internal sealed record SegmentResult(LabelMap? Map, IReadOnlyList<MaskedObject>? Objects)
{
    /// <summary>The id in the map that stands for nothing in particular; null: none does.</summary>
    public int? Background { get; init; }

    /// <summary>The foreground's opacity, [H, W], 0-255, where that was asked for.</summary>
    public byte[]? Alpha { get; init; }
}

/// <summary>One object and its pixels.</summary>
/// <param name="Box">In pixels of the upright image.</param>
internal sealed record MaskedObject(int ClassId, float Score, MaskBox Box, InstanceMask Mask);

/// <summary>An object before its mask is drawn.</summary>
/// <param name="Row">Where in the output it was found: the place of its coefficients or its mask.</param>
internal readonly record struct FoundObject(int ClassId, float Score, MaskBox Box, int Row);

/// <summary>Finds the objects of one item, in pixels of the upright image, duplicates dropped.</summary>
internal delegate IReadOnlyList<FoundObject> ObjectFinder(SegmentRequest request, ModelOutputs outputs);

/// <summary>The task of saying which pixel belongs to what.</summary>
/// <param name="reading">How the outputs are read.</param>
/// <param name="background">The id of pixels that belong to no class; null: there is none, they are void.</param>
/// <param name="findObjects">For models whose masks belong to boxes; null for the others.</param>
internal sealed partial class Segmenter(
    InputGeometry geometry, int channels, OutputReading reading, int? background, ObjectFinder? findObjects)
    : IVisionTask<SegmentRequest, SegmentResult>
{
    private const float MinForeground = 0.5f;
    private const float MinInstance = 0.25f;

    // Mask2Former's own threshold for panoptic segments.
    private const float MinSegment = 0.8f;

    private MatteActivation Activation => reading.IsMinMax ? MatteActivation.MinMax : MatteActivation.Detect;

    /// <summary>For models with mask queries. Default: a class for each pixel.</summary>
    public QueryMerging Merging { get; init; }

    public ModelInput Shape(SegmentRequest request)
    {
        var fitted = geometry.Fitted(request.Image.SourceWidth, request.Image.SourceHeight);
        return new ModelInput(channels, fitted.Height, fitted.Width);
    }

    public void Preprocess(SegmentRequest request, Span<byte> planes) =>
        Planes.Write(request.Image, Place(request), planes, channels);

    public SegmentResult Postprocess(SegmentRequest request, ModelOutputs outputs)
    {
        var placement = Place(request);
        if (request.AtNetworkSize)
        {
            placement = findObjects is null && (reading.Form != SegmentationForm.MaskQueries || Merging == QueryMerging.Semantic)
                ? placement.OfResized
                : throw new VisionException(
                    VisionError.InvalidRequest,
                    "Parameter 'mask_size' is network, which only a model that names the class of every pixel has.");
        }

        var alpha = request.WantsAlpha ? Alpha(outputs, placement) : null;
        if (reading.Form == SegmentationForm.MaskQueries && Merging != QueryMerging.Semantic)
        {
            return new SegmentResult(null, Merged(request, outputs, placement));
        }

        if (findObjects is null)
        {
            return new SegmentResult(Map(request, outputs, placement), null) { Background = background, Alpha = alpha };
        }

        var found = findObjects(request, outputs);
        var objects = new List<MaskedObject>(found.Count);
        foreach (var item in found)
        {
            objects.Add(new MaskedObject(item.ClassId, item.Score, item.Box, Mask(item, outputs, placement).Trim()));
        }

        return new SegmentResult(null, objects);
    }

    private byte[] Alpha(ModelOutputs outputs, Placement placement)
    {
        if (reading.Form != SegmentationForm.Matte)
        {
            throw new VisionException(
                VisionError.InvalidRequest, "Parameter 'mask' is alpha, which only a model of a foreground has.");
        }

        var (height, width) = Places(outputs.Shape(reading.Output));
        return Matte.Alpha(outputs.Floats(reading.Output), height, width, placement, Activation);
    }

    private List<MaskedObject> Merged(SegmentRequest request, ModelOutputs outputs, Placement placement)
    {
        var queries = Queries(outputs, placement);
        var segments = Merging == QueryMerging.Panoptic
            ? queries.Panoptic(request.MinScore ?? MinSegment)
            : queries.Instances(request.MaxDetections, request.MinScore ?? MinInstance);
        return
        [
            .. segments
                .Where(segment => request.Classes?.Contains(segment.ClassId) != false)
                .Take(request.MaxDetections)
                .Select(segment => segment with { Mask = segment.Mask.Trim() })
                .Select(segment => new MaskedObject(segment.ClassId, segment.Score, Bounds(segment.Mask), segment.Mask)),
        ];
    }

    private static MaskBox Bounds(InstanceMask mask) =>
        new(mask.Left, mask.Top, mask.Left + mask.Width, mask.Top + mask.Height);

    private LabelMap Map(SegmentRequest request, ModelOutputs outputs, Placement placement)
    {
        var choice = new ClassChoice((ushort)(background ?? LabelMap.Void), request.Classes);
        var (height, width) = Places(outputs.Shape(reading.Output));
        switch (reading.Form)
        {
            case SegmentationForm.Indices:
                return LabelMap.OfIndices(outputs.Integers(reading.Output), height, width, placement, choice);
            case SegmentationForm.Matte:
                var isHidden = request.Classes?.Contains(1) == false;
                var minScore = isHidden ? float.PositiveInfinity : request.MinScore ?? MinForeground;
                return Matte.Foreground(outputs.Floats(reading.Output), height, width, placement, Activation, minScore);
            case SegmentationForm.MaskQueries:
                return Queries(outputs, placement).Semantic(choice);
            default:
                return LabelMap.OfBest(Scores(outputs), placement, choice);
        }
    }

    private ScoreMap Scores(ModelOutputs outputs)
    {
        var scores = outputs.Floats(reading.Output);
        var shape = outputs.Shape(reading.Output);
        var (height, width) = Places(shape);
        return reading.IsInterleaved
            ? ScoreMap.Interleaved(scores, (int)shape[^1], height, width)
            : ScoreMap.Planar(scores, (int)shape[^3], height, width);
    }

    /// <summary>Height and width of a map, wherever its classes or its one channel stand.</summary>
    private (int Height, int Width) Places(ReadOnlySpan<long> shape) => reading.IsInterleaved || shape[^1] == 1
        ? ((int)shape[^3], (int)shape[^2])
        : ((int)shape[^2], (int)shape[^1]);

    private MaskQueries Queries(ModelOutputs outputs, Placement placement)
    {
        var masks = outputs.Shape(reading.Masks);
        return new MaskQueries(
            outputs.Floats(reading.Output),
            outputs.Floats(reading.Masks),
            (int)masks[^3],
            (int)masks[^2],
            (int)masks[^1],
            placement);
    }

    private InstanceMask Mask(FoundObject found, ModelOutputs outputs, Placement placement)
    {
        var shape = outputs.Shape(reading.Masks);
        var (height, width) = ((int)shape[^2], (int)shape[^1]);
        var masks = outputs.Floats(reading.Masks);
        if (reading.Form == SegmentationForm.Prototypes)
        {
            var coefficients = new float[(int)shape[^3]];
            ReadCoefficients(outputs, found.Row, coefficients);
            return new PrototypeMasks(masks, height, width, placement).Mix(coefficients, found.Box);
        }

        var own = masks.Slice(found.Row * height * width, height * width);
        return reading.Form switch
        {
            SegmentationForm.BoxMasks =>
                ObjectMasks.Paste(own, height, width, found.Box, placement.SourceWidth, placement.SourceHeight),
            SegmentationForm.PastedMasks => ObjectMasks.Sample(own, height, width, placement, found.Box, threshold: 0.5f),
            _ => ObjectMasks.Sample(own, height, width, placement, found.Box, threshold: 0),
        };
    }

    /// <summary>The last rows, or the last columns, of what the boxes lie in: <c>[1, 4 + classes + k, anchors]</c> or
    /// <c>[1, n, 6 + k]</c>.</summary>
    private void ReadCoefficients(ModelOutputs outputs, int row, Span<float> coefficients)
    {
        var values = outputs.Floats(reading.Output);
        var shape = outputs.Shape(reading.Output);
        var (first, second) = ((int)shape[^2], (int)shape[^1]);
        for (var k = 0; k < coefficients.Length; k++)
        {
            coefficients[k] = reading.IsInterleaved
                ? values[(row * second) + second - coefficients.Length + k]
                : values[((first - coefficients.Length + k) * second) + row];
        }
    }

    private Placement Place(SegmentRequest request)
    {
        var (width, height) = (request.Image.SourceWidth, request.Image.SourceHeight);
        return geometry.Fitted(width, height).Place(width, height);
    }
}
