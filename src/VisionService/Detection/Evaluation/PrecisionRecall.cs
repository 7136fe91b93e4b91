namespace VisionService.Detection.Evaluation;

/// <summary>One detection's fate; bit t stands for the t-th IoU.</summary>
/// <param name="Matched">Where it found an annotation.</param>
/// <param name="Excused">Where it counts neither as right nor as wrong.</param>
internal readonly record struct Match(float Score, int Matched, int Excused);

/// <summary>What a category's precision and recall come to, at each IoU; NaN where no annotation counts.</summary>
internal sealed class PrecisionRecall
{
    private const int RecallSteps = 101;

    private readonly double[] _precisions;
    private readonly double[] _recalls;

    private PrecisionRecall(int annotationCount, double[] precisions, double[] recalls) =>
        (AnnotationCount, _precisions, _recalls) = (annotationCount, precisions, recalls);

    public int AnnotationCount { get; }

    public double AP => AnnotationCount == 0 ? double.NaN : _precisions.Average();

    public double AR => AnnotationCount == 0 ? double.NaN : _recalls.Average();

    public static PrecisionRecall Of(IEnumerable<Match> matches, int annotationCount, int ioUCount)
    {
        var ordered = matches.OrderByDescending(static match => match.Score).ToArray();
        var (precisions, recalls) = (new double[ioUCount], new double[ioUCount]);
        for (var t = 0; t < ioUCount && annotationCount > 0; t++)
        {
            (precisions[t], recalls[t]) = Integrate(ordered, t, annotationCount);
        }

        return new PrecisionRecall(annotationCount, precisions, recalls);
    }

    public double APAt(int ioU) => AnnotationCount == 0 ? double.NaN : _precisions[ioU];

    /// <summary>The mean precision at recalls 0, .01 .. 1, and the last recall.</summary>
    private static (double Precision, double Recall) Integrate(Match[] ordered, int ioU, int annotationCount)
    {
        var points = new List<(double Recall, double Precision)>(ordered.Length);
        var (right, wrong) = (0, 0);
        foreach (var match in ordered.Where(match => (match.Excused >> ioU & 1) == 0))
        {
            _ = (match.Matched >> ioU & 1) == 1 ? right++ : wrong++;
            points.Add(((double)right / annotationCount, (double)right / (right + wrong)));
        }

        // From the right: the best precision at this recall or a higher one.
        var (sum, best, next) = (0.0, 0.0, points.Count - 1);
        for (var step = RecallSteps - 1; step >= 0; step--)
        {
            for (; next >= 0 && points[next].Recall >= step * 0.01; next--)
            {
                best = Math.Max(best, points[next].Precision);
            }

            sum += best;
        }

        return (sum / RecallSteps, (double)right / annotationCount);
    }
}
