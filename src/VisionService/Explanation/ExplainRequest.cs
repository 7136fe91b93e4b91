using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>What a caller wants explained of one image.</summary>
/// <param name="Method">Null: the best that the model allows.</param>
internal sealed record ExplainRequest(RgbImage Image, ExplainMethod? Method = null)
{
    /// <summary>The classes to explain, each by itself; null: the predicted one.</summary>
    public IReadOnlyList<int>? Classes { get; init; }

    /// <summary>A second class: what speaks for the first and not for this one.</summary>
    public int? Against { get; init; }

    /// <summary>A value or node of the graph; null: the last activation before the head.</summary>
    public string? Layer { get; init; }

    /// <summary>Objects: which one, counted from 0 as the detector lists them; null: the best.</summary>
    public int? Detection { get; init; }

    /// <summary>Objects: the lowest score; null: the model's.</summary>
    public float? MinScore { get; init; }

    /// <summary>Objects: the overlap of duplicates; null: the model's.</summary>
    public float? MaxIoU { get; init; }

    /// <summary>Objects: how duplicates are dropped, in the words of the API; null: the model's.</summary>
    public string? Suppression { get; init; }

    /// <summary>Whether to measure how faithful the heat map is.</summary>
    public bool Verify { get; init; }
}

/// <summary>What of an answer is explained: a class, and for objects and maps where it was found.</summary>
/// <param name="Score">What the answer gives it, 0-1.</param>
/// <param name="Elements">The numbers of the model's outputs that the score is made of.</param>
internal sealed record ExplainTarget(int ClassId, string Label, float Score, IReadOnlyList<OutputElement> Elements)
{
    /// <summary>Objects: the box, in pixels of the upright image.</summary>
    public PixelBox? Box { get; init; }

    /// <summary>The sum of weight times element: what a change of the image changes.</summary>
    public float Read(ModelOutputs outputs)
    {
        double sum = 0;
        foreach (var (output, index, weight) in Elements)
        {
            sum += weight * (double)outputs.Floats(output)[index];
        }

        return (float)sum;
    }
}

/// <param name="Map">Over the network's input, at whatever resolution the method gives.</param>
/// <param name="Faithfulness">Where that was asked for.</param>
internal sealed record ExplainedTarget(ExplainTarget Target, HeatMap Map, FaithfulnessScores? Faithfulness)
{
    /// <summary>The map as pictures show it: a few pixels' gradients outshine all others.</summary>
    public HeatMap ShownMap(ExplainMethod method) => method.NeedsPixelGradient() ? Map.Clipped().Smoothed() : Map;
}

/// <param name="Layer">The layer that was looked at; null where the method looks at none.</param>
/// <param name="Placement">Where the image lies in the network's input, which the maps cover.</param>
internal sealed record ExplainResult(ExplainMethod Method, Layer? Layer, Placement Placement, IReadOnlyList<ExplainedTarget> Targets)
{
    /// <summary>The layer's activations [K, h, w], where those were asked for.</summary>
    public float[]? Activations { get; init; }
}
