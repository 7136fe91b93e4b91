using OnnxGraph;
using VisionService.Imaging;

namespace VisionService.Repository.Recognition;

/// <summary>Tells outputs that look alike apart: a picture from a map of classes, a vector that describes from scores.</summary>
internal static class OutputKind
{
    private const double LeastLikeness = 0.5;

    // Only move or scale values: what stands before them decides what the values are.
    private static readonly HashSet<string> Movers =
        ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Cast", "Transpose", "Dropout", "DequantizeLinear", "QuantizeLinear"];

    private static readonly InputDefaults Whole = new(ModelLoader.Assumed, InputPreset.Raw, ResizeMode.Stretch) { Size = (256, 256) };

    /// <summary>
    /// Whether the model answers a picture with a picture: larger than its input, which no map of classes is, or of three
    /// channels that resemble those of the input. Where there are labels it has classes.
    /// </summary>
    public static bool IsPicture(ModelDraft draft)
    {
        if (draft.Labels is not null || draft.Graph.Outputs is not [{ Shape: { Count: 4 } output }]
            || InputRecipe.ImageInput(draft.Graph) is not { Shape: { Count: 4 } input } image
            || !output.Skip(1).Any(static size => size.Size is 1 or 3))
        {
            return false;
        }

        var isLarger = input.Zip(output, static (before, after) => (Before: before.Size, After: after.Size))
            .Count(static pair => pair.Before > 3 && pair.After >= 2 * pair.Before && pair.After % pair.Before == 0) == 2;
        if (isLarger || !output.Skip(1).Any(static size => size.Size == 3))
        {
            return isLarger;
        }

        using var trial = InputRecipe.Trial(draft, image, Whole);
        return trial.Input.Channels == 3 && (Resembles(trial, InputPreset.Raw) || Resembles(trial, InputPreset.Unit));
    }

    /// <summary>Whether the vector that the model answers with is normalised or cut off at zero: scores are
    /// neither.</summary>
    public static bool IsEmbedding(Graph graph)
    {
        if (graph.Outputs is not [{ Shape: { Count: 2 } shape } output] || shape[1].Size is not > 1)
        {
            return false;
        }

        var node = graph.Producer(output.Name);
        while (node is not null && Movers.Contains(node.OpType))
        {
            node = graph.Producer(node.Inputs[0]);
        }

        return node?.OpType switch
        {
            "LpNormalization" or "BatchNormalization" or "LayerNormalization" or "Relu" => true,

            // By its own length: x / max(|x|, epsilon).
            "Div" => Above(graph, node.Inputs[1], depth: 4).Any(static above => above is "ReduceL2" or "Sqrt"),
            _ => false,
        };
    }

    private static IEnumerable<string> Above(Graph graph, string value, int depth) =>
        depth == 0 || graph.Producer(value) is not { } node ? []
        : [node.OpType, .. node.Inputs.SelectMany(input => Above(graph, input, depth - 1))];

    private static bool Resembles(InputTrial trial, InputPreset preset)
    {
        using var picture = ProbePicture.Things[0].Draw();
        var (before, after) = trial.RunBeside(picture, preset);
        if (after is not [{ Values.Length: > 0 } output] || output.Values.Length != before.Length)
        {
            return false;
        }

        var area = before.Length / 3;
        return Enumerable.Range(0, 3)
            .All(channel => Correlation(Plane(before, channel), Plane(output.Values, channel)) > LeastLikeness);

        ReadOnlyMemory<float> Plane(float[] values, int channel) => trial.IsInterleaved
            ? values.Where((_, i) => i % 3 == channel).ToArray()
            : values.AsMemory(channel * area, area);
    }

    private static double Correlation(ReadOnlyMemory<float> first, ReadOnlyMemory<float> second)
    {
        var a = first.Span;
        var b = second.Span;
        double sumA = 0, sumB = 0, squareA = 0, squareB = 0, product = 0;
        for (var i = 0; i < a.Length; i++)
        {
            sumA += a[i];
            sumB += b[i];
            squareA += (double)a[i] * a[i];
            squareB += (double)b[i] * b[i];
            product += (double)a[i] * b[i];
        }

        var spread = Math.Sqrt(((squareA * a.Length) - (sumA * sumA)) * ((squareB * b.Length) - (sumB * sumB)));
        return spread > 0 ? ((product * a.Length) - (sumA * sumB)) / spread : 0;
    }
}
