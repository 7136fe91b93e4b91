namespace VisionService.Detection;

/// <summary>Which classes are asked for and how sure each must be. Immutable; shared by requests.</summary>
internal sealed class ScoreFilter
{
    private readonly float[] _minScores;
    private readonly float _otherwise;

    /// <summary>Every class from one score on.</summary>
    /// <param name="minScore">0 to 1; a score equal to it passes.</param>
    public ScoreFilter(float minScore)
        : this(minScore, 0)
    {
    }

    /// <param name="classes">The class ids to keep; null keeps all.</param>
    /// <param name="minScoreByClass">Class ids whose least score is not <paramref name="minScore"/>.</param>
    public ScoreFilter(
        float minScore,
        int classCount,
        IReadOnlyCollection<int>? classes = null,
        IReadOnlyDictionary<int, float>? minScoreByClass = null)
    {
        _otherwise = classes is null ? minScore : float.PositiveInfinity;
        var length = Math.Max(classCount, 1 + Math.Max(
            classes?.DefaultIfEmpty(-1).Max() ?? -1, minScoreByClass?.Keys.DefaultIfEmpty(-1).Max() ?? -1));
        _minScores = new float[length];
        for (var id = 0; id < length; id++)
        {
            _minScores[id] = classes?.Contains(id) == false ? float.PositiveInfinity
                : minScoreByClass is not null && minScoreByClass.TryGetValue(id, out var own) ? own
                : minScore;
        }

        MinScore = length == 0 ? _otherwise : Math.Min(_otherwise, _minScores.Min());
    }

    /// <summary>No class passes below this: what a decoder may skip without knowing the class.</summary>
    public float MinScore { get; }

    /// <summary>Whether a candidate passes; never for NaN or a negative class id.</summary>
    public bool Accepts(int classId, float score) =>
        classId >= 0 && score >= (classId < _minScores.Length ? _minScores[classId] : _otherwise);
}
