namespace VisionService.Detection.Evaluation;

/// <summary>
/// COCO's average precision: detections matched greedily to annotations at IoU .50, .55 .. .95, precision read at 101
/// recalls, the mean taken over IoU and categories.
/// </summary>
/// <remarks>Follows cocodataset/cocoapi, pycocotools/cocoeval.py, number for number.</remarks>
internal sealed class CocoEvaluator
{
    private const int MaxDetections = 100;

    private static readonly double[] MinIoUs = [.. Enumerable.Range(0, 10).Select(static i => 0.5 + (i * ((0.95 - 0.5) / 9)))];

    /// <summary>All, small, medium, large.</summary>
    private static readonly AreaRange[] Areas = [new(0, 1e10), new(0, 32 * 32), new(32 * 32, 96 * 96), new(96 * 96, 1e10)];

    private readonly CocoGroundTruth _truth;
    private readonly IReadOnlyList<CocoDetection> _detections;
    private readonly CocoOverlap _overlap;
    private readonly ILookup<(long Image, int Category), int> _annotationsOf;
    private readonly ILookup<(long Image, int Category), int> _detectionsOf;

    private CocoEvaluator(CocoGroundTruth truth, IReadOnlyList<CocoDetection> detections, CocoOverlap? overlap)
    {
        (_truth, _detections, _overlap) = (truth, detections, overlap ?? BoxOverlap);
        _annotationsOf = Enumerable.Range(0, truth.Annotations.Count)
            .ToLookup(i => (truth.Annotations[i].ImageId, truth.Annotations[i].CategoryId));
        _detectionsOf = Enumerable.Range(0, detections.Count)
            .ToLookup(i => (detections[i].ImageId, detections[i].CategoryId));
    }

    /// <summary>Compares; detections may come in any order.</summary>
    /// <param name="overlap">Null: that of boxes.</param>
    public static CocoSummary Evaluate(
        CocoGroundTruth truth, IReadOnlyList<CocoDetection> detections, CocoOverlap? overlap = null) =>
        new CocoEvaluator(truth, detections, overlap).Summarize();

    private CocoSummary Summarize()
    {
        var curves = _truth.Categories.Select(CurvesOf).ToArray();
        return new CocoSummary(
            Mean(curves.Select(static areas => areas[0].AP)),
            Mean(curves.Select(static areas => areas[0].APAt(0))),
            Mean(curves.Select(static areas => areas[0].APAt(5))),
            Mean(curves.Select(static areas => areas[1].AP)),
            Mean(curves.Select(static areas => areas[2].AP)),
            Mean(curves.Select(static areas => areas[3].AP)),
            Mean(curves.Select(static areas => areas[0].AR)))
        {
            Categories =
            [
                .. _truth.Categories.Zip(curves, static (category, areas) => new CocoCategorySummary(
                        category, areas[0].AnnotationCount, areas[0].AP, areas[0].APAt(0), areas[0].AR))
                    .Where(static summary => summary.AnnotationCount > 0),
            ],
        };
    }

    /// <summary>The curves of one category, one for each range of areas.</summary>
    private PrecisionRecall[] CurvesOf(CocoCategory category)
    {
        var matches = Array.ConvertAll(Areas, static _ => new List<Match>());
        var counts = new int[Areas.Length];
        foreach (var image in _truth.Images.OrderBy(static image => image.Id))
        {
            var annotations = _annotationsOf[(image.Id, category.Id)].ToArray();
            var detections = _detectionsOf[(image.Id, category.Id)]
                .OrderByDescending(i => _detections[i].Score)
                .Take(MaxDetections)
                .ToArray();
            if (annotations.Length == 0 && detections.Length == 0)
            {
                continue;
            }

            var overlaps = Array.ConvertAll(detections, d => Array.ConvertAll(annotations, a => _overlap(d, a)));
            for (var area = 0; area < Areas.Length; area++)
            {
                counts[area] += Match(annotations, detections, overlaps, Areas[area], matches[area]);
            }
        }

        return [.. matches.Zip(counts, static (found, count) => PrecisionRecall.Of(found, count, MinIoUs.Length))];
    }

    /// <summary>Gives each detection of an image its annotation, at each IoU; returns how many annotations
    /// count.</summary>
    private int Match(int[] annotations, int[] detections, double[][] overlaps, AreaRange area, List<Match> into)
    {
        var ignored = Array.ConvertAll(annotations, a => !area.Holds(_truth.Annotations[a].Area) || IsCrowd(a));
        // Those that count come first, so that a detection takes one of the others only where none of them is left.
        var order = Enumerable.Range(0, annotations.Length).OrderBy(a => ignored[a]).ToArray();
        var (matched, excused) = (new int[detections.Length], new int[detections.Length]);
        for (var t = 0; t < MinIoUs.Length; t++)
        {
            var taken = new bool[annotations.Length];
            for (var d = 0; d < detections.Length; d++)
            {
                var best = Best(overlaps[d], order, MinIoUs[t], a => taken[a] && !IsCrowd(annotations[a]), ignored);
                if (best >= 0)
                {
                    taken[best] = true;
                    matched[d] |= 1 << t;
                }

                if (best >= 0 ? ignored[best] : !area.Holds(_detections[detections[d]].Area))
                {
                    excused[d] |= 1 << t;
                }
            }
        }

        for (var d = 0; d < detections.Length; d++)
        {
            into.Add(new Match(_detections[detections[d]].Score, matched[d], excused[d]));
        }

        return ignored.Count(static ignore => !ignore);
    }

    private static int Best(double[] overlaps, int[] order, double minIoU, Func<int, bool> isTaken, bool[] ignored)
    {
        var (best, bestIoU) = (-1, Math.Min(minIoU, 1 - 1e-10));
        foreach (var a in order)
        {
            if (best >= 0 && !ignored[best] && ignored[a])
            {
                break;
            }

            if (!isTaken(a) && overlaps[a] >= bestIoU)
            {
                (best, bestIoU) = (a, overlaps[a]);
            }
        }

        return best;
    }

    private bool IsCrowd(int annotation) => _truth.Annotations[annotation].IsCrowd != 0;

    private double BoxOverlap(int detection, int annotation)
    {
        var found = _detections[detection].Box;
        var (there, isCrowd) = (_truth.Annotations[annotation].Bbox, IsCrowd(annotation));
        var width = Math.Min(found.XMax, there[0] + there[2]) - Math.Max(found.XMin, there[0]);
        var height = Math.Min(found.YMax, there[1] + there[3]) - Math.Max(found.YMin, there[1]);
        if (width <= 0 || height <= 0)
        {
            return 0;
        }

        var area = (double)found.Width * found.Height;
        var intersection = width * height;
        return intersection / (isCrowd ? area : area + (there[2] * there[3]) - intersection);
    }

    private static double Mean(IEnumerable<double> values) =>
        values.Where(static value => !double.IsNaN(value)).DefaultIfEmpty(double.NaN).Average();

    private readonly record struct AreaRange(double Min, double Max)
    {
        public bool Holds(double area) => area >= Min && area <= Max;
    }
}
