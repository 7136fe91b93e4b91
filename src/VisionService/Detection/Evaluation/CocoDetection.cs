namespace VisionService.Detection.Evaluation;

/// <summary>Something that was found.</summary>
/// <param name="CategoryId">COCO's id, not the model's class.</param>
/// <param name="Box">In pixels of the image.</param>
internal sealed record CocoDetection(long ImageId, int CategoryId, float Score, Box Box)
{
    /// <summary>In square pixels; that of the mask where masks are compared.</summary>
    public double Area { get; init; } = (double)Box.Width * Box.Height;
}

/// <summary>
/// How much a detection covers an annotation, both by their index: intersection over union, and over the detection's
/// own area where the annotation is a crowd.
/// </summary>
internal delegate double CocoOverlap(int detection, int annotation);

/// <summary>The figures of COCO; NaN where nothing was there to find.</summary>
/// <param name="AP">Mean over IoU .50 to .95 and categories.</param>
/// <param name="AR100">Recall with at most 100 detections an image, mean over IoU and categories.</param>
internal sealed record CocoSummary(
    double AP, double AP50, double AP75, double APSmall, double APMedium, double APLarge, double AR100)
{
    /// <summary>The categories with annotations.</summary>
    public IReadOnlyList<CocoCategorySummary> Categories { get; init; } = [];
}

internal sealed record CocoCategorySummary(CocoCategory Category, int AnnotationCount, double AP, double AP50, double AR100);
