using OnnxGraph;

namespace VisionService.Explanation;

/// <summary>What feeds a seed: instead of a tensor of the seeded value's shape, a flat row for each image, or class
/// ids.</summary>
internal static class SeedNodes
{
    /// <summary>Which class, [N, 1] int64; -1: the one with the highest score.</summary>
    public const string ClassInput = "explain_class";

    /// <summary>Which class against it, [N, 1] int64; -1: none.</summary>
    public const string AgainstInput = "explain_against";

    /// <param name="batch">How many rows every run has, where the file fixes that; else null.</param>
    /// <param name="scores">Where class ids are to choose: the seeded value; null: the caller feeds rows.</param>
    public static void Replace(Graph graph, string seed, long? batch, string? scores)
    {
        // 1. The seed's shape, one row flat.
        var declared = graph.Inputs.First(input => input.Name == seed);
        var shape = declared.Shape!.Select(dimension => dimension.Size ?? -1).ToArray();
        var isFree = shape.Contains(-1);
        var length = shape.Where(size => size > 0).Aggregate(1L, (product, size) => product * size) / (isFree ? 1 : batch ?? 1);
        Dimension rows = isFree ? "N" : batch ?? 1;

        // 2. Rows that the caller feeds, or that a class id chooses.
        var flat = scores is not null
            ? OneHot(graph, scores, rows, length, declared.Type)
            : Input(graph, $"explain_{seed}", declared.Type, rows, length);
        var reshaped = Append(graph, "Reshape", [flat, Constant(graph, Tensor.Of(shape, [shape.Length]))]);
        graph.ReplaceUses(seed, reshaped);
        graph.RemoveInput(seed);
    }

    /// <summary>One for the class, minus one for the class against it, zero elsewhere: [N, classes].</summary>
    private static string OneHot(Graph graph, string scores, Dimension rows, long classes, ElementType type)
    {
        var wanted = Input(graph, ClassInput, ElementType.Int64, rows, 1);
        var against = Input(graph, AgainstInput, ElementType.Int64, rows, 1);
        var ids = Constant(graph, Tensor.Of([.. Enumerable.Range(0, (int)classes).Select(id => (long)id)], [1, classes]));

        // Where nobody says a class, -1, the best is one more than that plus itself: opset 7 has no Where.
        var flat = Append(graph, "Reshape", [scores, Constant(graph, Tensor.Of([-1L, classes], [2]))]);
        var best = Append(graph, "ArgMax", [flat], ("axis", 1), ("keepdims", 1));
        var isOpen = Append(graph, "Equal", [wanted, Constant(graph, Tensor.Of([-1L], [1, 1]))]);
        var open = Append(graph, "Cast", [isOpen], ("to", (long)ElementType.Int64));
        var one = Constant(graph, Tensor.Of([1L], [1, 1]));
        var chosen = Append(graph, "Add", [wanted, Append(graph, "Mul", [open, Append(graph, "Add", [best, one])])]);
        return Append(graph, "Sub", [Mark(chosen), Mark(against)]);

        string Mark(string id) => Append(graph, "Cast", [Append(graph, "Equal", [id, ids])], ("to", (long)type));
    }

    private static string Input(Graph graph, string name, ElementType type, Dimension rows, long length)
    {
        graph.AddInput(new Value(name, type, [rows, length]));
        return name;
    }

    private static string Constant(Graph graph, Tensor tensor) => graph.AddInitializer("explain_constant", tensor);

    private static string Append(
        Graph graph, string opType, string[] inputs, params ReadOnlySpan<(string Name, AttributeValue Value)> attributes)
    {
        var output = graph.FreshName($"explain_{opType}");
        graph.Append(new Node(opType, inputs, [output], attributes));
        return output;
    }
}
