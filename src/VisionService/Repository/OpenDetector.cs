using VisionService.Detection;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Repository;

/// <summary>A detector whose session is open, and what it still has to be told: labels and defaults.</summary>
/// <param name="Outputs">As a run gave them.</param>
/// <param name="Defaults">What holds where a request says nothing.</param>
internal sealed record OpenDetector(
    InputRecipe Recipe,
    ModelSession Session,
    IReadOnlyList<OutputShape> Outputs,
    string Family,
    LabelList Labels,
    Detector Detector,
    ManifestOutput Defaults)
{
    // As many as /detect lists: an index into its answer must find its object.
    private const int MaxObjects = 300;

    public object AsTask(Model model) => new Model<DetectRequest, DetectResult>(model, Detector);

    /// <summary>A request in the words of other tasks, which find objects on their way.</summary>
    public DetectRequest Request(
        RgbImage image, float? minScore, float? maxIoU, string? suppression, IEnumerable<int>? classes, int maxObjects) => new(
            image,
            new ScoreFilter(
                minScore ?? (float)(Defaults.MinScore ?? DetectRequest.DefaultMinScore),
                Labels.Count,
                classes?.ToArray(),
                minScore is null
                    ? Defaults.MinScoreByLabel.ToDictionary(pair => Labels.Resolve([pair.Key]).Single(), pair => (float)pair.Value)
                    : null),
            suppression is null ? Defaults.Suppression : SuppressionNames.All[suppression],
            maxIoU ?? (float)(Defaults.MaxIoU ?? DetectRequest.DefaultMaxIoU),
            maxObjects);

    public ExplainSource Explain(ModelLoader loader, ModelDraft draft) =>
        loader.Explain(draft, Recipe, HeadKind.Objects, FindTargets);

    /// <summary>The object that is counted, the best of each class that is named, or the best of all.</summary>
    private List<ExplainTarget> FindTargets(ExplainRequest request, ModelOutputs outputs)
    {
        var detect = Request(request.Image, request.MinScore, request.MaxIoU, request.Suppression, classes: null, MaxObjects);
        using var found = Detector.Find(detect, outputs);
        if (found.Count == 0)
        {
            throw new VisionException(
                VisionError.ExplainUnsupported,
                $"There is nothing to explain: the model finds no object with a score of at least {detect.Filter.MinScore}; 'score_threshold' can be lower.");
        }

        var targets = new List<ExplainTarget>();
        foreach (var index in Choose(request, found))
        {
            var (box, classId) = (found[index], found.ClassIds[index]);
            targets.Add(new ExplainTarget(
                classId, Labels.NameOf(classId), found.Scores[index], Detector.Trace(detect, outputs, found.Rows[index], classId))
            {
                Box = new PixelBox(box.XMin, box.YMin, box.XMax - box.XMin, box.YMax - box.YMin),
            });
        }

        return targets;
    }

    private IEnumerable<int> Choose(ExplainRequest request, Candidates found)
    {
        var classIds = found.ClassIds.ToArray();
        if (request.Detection is { } index)
        {
            return index < classIds.Length ? [index] : throw new VisionException(
                VisionError.InvalidRequest,
                $"Parameter 'detection' is {index}; the model finds {classIds.Length} objects, counted from 0.");
        }

        return request.Classes?.Select(id => Array.IndexOf(classIds, id) is >= 0 and var first ? first : throw new VisionException(
            VisionError.ExplainUnsupported,
            $"There is no '{Labels.NameOf(id)}' to explain; the model finds {string.Join(", ", classIds.Distinct().Select(Labels.NameOf))}.")) ?? [0];
    }
}
