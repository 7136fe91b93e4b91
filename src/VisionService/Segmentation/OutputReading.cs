using VisionService.Inference;

namespace VisionService.Segmentation;

/// <summary>What a segmentation model answers with.</summary>
internal enum SegmentationForm
{
    /// <summary>Scores of each class per cell: FCN, DeepLab, SegFormer.</summary>
    Scores,

    /// <summary>Class ids per cell, chosen in the graph.</summary>
    Indices,

    /// <summary>One number per cell: saliency, portraits, matting.</summary>
    Matte,

    /// <summary>Boxes with coefficients, and mask prototypes: YOLO.</summary>
    Prototypes,

    /// <summary>Queries with a class distribution (the last: nothing) and a mask each: MaskFormer, DETR
    /// panoptic.</summary>
    MaskQueries,

    /// <summary>Boxes, and mask logits of the whole input for each: RF-DETR.</summary>
    BoxQueries,

    /// <summary>Boxes, and small masks of their insides: Mask R-CNN.</summary>
    BoxMasks,

    /// <summary>Boxes, and probabilities of the whole input for each: torchvision's Mask R-CNN.</summary>
    PastedMasks,
}

/// <summary>One way to read a model's outputs.</summary>
/// <param name="Output">The output with the scores, class ids or opacities; of models with objects the one with their
/// classes or boxes.</param>
/// <param name="Masks">The output with the masks or prototypes; that of the scores itself where there is one map
/// only.</param>
internal sealed record OutputReading(SegmentationForm Form, int Output, int Masks)
{
    public OutputReading(SegmentationForm form, int output)
        : this(form, output, output)
    {
    }

    /// <summary>Scores: the classes come last, [h, w, C]. Prototypes: an object is a row, its coefficients come
    /// last.</summary>
    public bool IsInterleaved { get; init; }

    /// <summary>Matte: stretch to 0-1 (U-2-Net).</summary>
    public bool IsMinMax { get; init; }

    /// <summary>The readings that the outputs' names and shapes allow: one where they tell, none where nothing
    /// fits.</summary>
    /// <param name="inputWidth">Width of the network's input; its proportions tell places from classes.</param>
    /// <param name="classes">How many labels there are; 0: unknown.</param>
    public static IReadOnlyList<OutputReading> Of(
        IReadOnlyList<OutputShape> outputs, int inputWidth, int inputHeight, int classes = 0) =>
        Objects(outputs) is { } objects ? [objects] : new MapReadings(inputWidth, inputHeight, classes).Of(outputs);

    private static OutputReading? Objects(IReadOnlyList<OutputShape> outputs)
    {
        int Named(string name) => outputs.ToList().FindIndex(output => output.Name == name);
        OutputReading? Pair(SegmentationForm form, string output, string masks) =>
            Named(output) >= 0 && Named(masks) >= 0 ? new OutputReading(form, Named(output), Named(masks)) : null;

        return Pair(SegmentationForm.MaskQueries, "class_queries_logits", "masks_queries_logits")
            ?? Pair(SegmentationForm.MaskQueries, "logits", "pred_masks")
            ?? (Pair(SegmentationForm.BoxQueries, "dets", "masks") is { } pair && outputs[pair.Output].Shape is [.., 4]
                ? pair
                : null)
            ?? PrototypePair(outputs)
            ?? BoxList(outputs);
    }

    /// <summary>[1, 4 + classes + k, A] or [1, n, 6 + k] beside [1, k, h, w].</summary>
    private static OutputReading? PrototypePair(IReadOnlyList<OutputShape> outputs)
    {
        for (var masks = 0; masks < outputs.Count; masks++)
        {
            if (outputs[masks] is not { Rank: 4, IsFloat: true, Shape: [_, > 1 and var k, _, _] })
            {
                continue;
            }

            for (var boxes = 0; boxes < outputs.Count; boxes++)
            {
                if (outputs[boxes] is { Rank: 3, Shape: [_, var a, var b] } && (a > k + 4 || b > k + 4))
                {
                    return new OutputReading(SegmentationForm.Prototypes, boxes, masks);
                }
            }
        }

        return null;
    }

    /// <summary>[n, 4], labels, scores, and [n, 1, h, w].</summary>
    private static OutputReading? BoxList(IReadOnlyList<OutputShape> outputs)
    {
        var boxes = outputs.ToList().FindIndex(output => output is { Rank: 2, Shape: [_, 4] });
        var masks = outputs.ToList().FindIndex(output => output is { Rank: 4, Shape: [_, 1, _, _] });
        if (boxes < 0 || masks < 0 || outputs.Count(output => output.Rank == 1) < 2)
        {
            return null;
        }

        var isSmall = outputs[masks].Shape is [_, _, 14 or 28 or 56, 14 or 28 or 56];
        return new OutputReading(isSmall ? SegmentationForm.BoxMasks : SegmentationForm.PastedMasks, boxes, masks);
    }
}
