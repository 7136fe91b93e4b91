using OnnxGraph;
using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>What a network answers with.</summary>
internal enum HeadKind
{
    /// <summary>One score for each class of the whole image.</summary>
    Classes,

    /// <summary>Objects.</summary>
    Objects,

    /// <summary>Scores over the picture.</summary>
    Map,
}

/// <summary>What of one answer is to be explained; at least one.</summary>
/// <exception cref="VisionException">Nothing like that is in the answer.</exception>
internal delegate IReadOnlyList<ExplainTarget> TargetFinder(ExplainRequest request, ModelOutputs outputs);

/// <summary>The score of a target in another answer of the same model.</summary>
internal delegate float ScoreReader(ModelOutputs outputs, ExplainRequest request, ExplainTarget target);

/// <summary>What the loader of a task knows about its model, so that the model can be explained.</summary>
internal sealed record ExplainSource(HeadKind Head, string ImageInput, InputGeometry Geometry, int Channels)
{
    /// <summary>Reads the graph anew, its input as the service feeds it: planar pixels, normalised inside.</summary>
    public required Func<Graph> OpenGraph { get; init; }

    /// <summary>A session beside the model's own, for its runners.</summary>
    public required Func<byte[], ModelSession> OpenSession { get; init; }

    public required TargetFinder FindTargets { get; init; }

    /// <summary>Default: the sum over the target's elements.</summary>
    public ScoreReader Score { get; init; } = static (outputs, _, target) => target.Read(outputs);

    /// <summary>The same on an open scale, where differences among large scores count as much as those among small
    /// ones. Default: the score.</summary>
    public ScoreReader? Logit { get; init; }

    /// <summary>Classes: the output that holds the scores.</summary>
    public int ScoreOutput { get; init; }

    /// <summary>Classes: the place of class 0 in the scores; 1 behind a background.</summary>
    public int FirstClass { get; init; }

    /// <summary>Whether the model's own session has outputs unlike those of its graph, which then needs one of its
    /// own.</summary>
    public bool HasOwnForward { get; init; }
}
