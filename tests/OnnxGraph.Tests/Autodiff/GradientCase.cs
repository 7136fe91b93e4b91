namespace OnnxGraph.Tests.Autodiff;

/// <summary>A small graph around one operator, to compare its gradients with finite differences.</summary>
/// <param name="Operator">The operator.</param>
/// <param name="Form">What sets this case apart from the operator's others.</param>
/// <param name="Shapes">The shapes of the inputs that get gradients.</param>
/// <param name="Build">Writes the graph: from the names of the inputs to the name of the output, all of them
/// floats.</param>
internal sealed record GradientCase(string Operator, string Form, long[][] Shapes, Func<GraphBuilder, string[], string> Build)
{
    /// <summary>The opsets whose forms of the operator, or of its gradient, differ.</summary>
    public int[] Opsets { get; init; } = [17];

    /// <summary>The inputs' elements are spread evenly over this range, in random order, no two alike: so no maximum is
    /// tied, and a range around zero leaves zero out.</summary>
    public (double Low, double High) Range { get; init; } = (-2, 2);

    /// <summary>Whether the graph is built with a free first axis as well, which differentiation must leave free.
    /// </summary>
    public bool IsBatchFree { get; init; }

    public Graph Graph(int opset, bool isBatchFree)
    {
        var g = new GraphBuilder(opset);
        var inputs = Shapes.Select((shape, i) => g.Input(
            $"x{i}",
            ElementType.Float,
            [.. shape.Select((size, axis) => isBatchFree && axis == 0 ? (Dimension)"N" : size)]));
        g.Output("y", Build(g, [.. inputs]));
        return g.Build();
    }

    public override string ToString() => $"{Operator} {Form}";
}
