namespace OnnxGraph.Autodiff;

/// <summary>Scalars to descend or climb, appended to a graph as ordinary nodes; name one as a seed of
/// <see cref="Gradients.Of"/> and feed 1.</summary>
/// <remarks>All of them are of floats, and of one picture at a time unless said otherwise. A target is a value of the
/// graph: an initializer, or an input that the caller feeds. Opset 7 and up.</remarks>
public static class Losses
{
    /// <summary>The products of all pairs of channels, summed over the positions: <c>F F^T</c>.</summary>
    /// <param name="graph">The graph that computes the feature map; it gets the nodes.</param>
    /// <param name="features">A feature map <c>[1, C, h, w]</c>.</param>
    /// <returns>The name of a value <c>[C, C]</c>.</returns>
    public static string Gram(Graph graph, string features)
    {
        var rows = Append(graph, "Flatten", [features], ("axis", 2));
        return Append(graph, "MatMul", [rows, Append(graph, "Transpose", [rows], ("perm", new long[] { 1, 0 }))]);
    }

    /// <summary>How far the textures of a feature map are from wanted ones:
    /// <c>sum((Gram - target)^2) / (4 * 3^2 * pixels^2)</c>.</summary>
    /// <param name="features">A feature map <c>[1, C, h, w]</c>.</param>
    /// <param name="targetGram">The wanted Gram matrix <c>[C, C]</c>.</param>
    /// <param name="pixels">Area of the picture, which puts the loss on one scale for pictures of all sizes.</param>
    /// <remarks>Gatys et al. 2016, scaled as in Keras' example: 3 colours, the picture's own area at every
    /// layer.</remarks>
    /// <inheritdoc cref="Gram" path="/param[@name='graph']"/>
    /// <returns>The name of a scalar.</returns>
    public static string Style(Graph graph, string features, string targetGram, long pixels)
    {
        var distance = SquaredDistance(graph, Gram(graph, features), targetGram);
        return Scaled(graph, distance, 1 / (4 * 9 * (double)pixels * pixels));
    }

    /// <summary>How far features are from wanted ones: <c>sum((features - target)^2)</c>.</summary>
    /// <param name="features">A value of any shape.</param>
    /// <param name="target">One of the same shape.</param>
    /// <inheritdoc cref="Style" path="/param[@name='graph']"/>
    /// <inheritdoc cref="Style" path="/returns"/>
    public static string Content(Graph graph, string features, string target) =>
        SquaredDistance(graph, features, target);

    /// <summary>How rough a picture is: at each pixel but those of the last row and column, the squared differences to
    /// the neighbours below and to the right are added and raised to the exponent; all of that is summed.</summary>
    /// <param name="image">A picture <c>[1, C, H, W]</c>.</param>
    /// <param name="exponent">Default 1.25, which spares edges less than 1 would and noise less than 2.</param>
    /// <inheritdoc cref="Style" path="/param[@name='graph']"/>
    /// <inheritdoc cref="Style" path="/returns"/>
    public static string TotalVariation(Graph graph, string image, double exponent = 1.25)
    {
        var here = Crop(graph, image, [0, 0], [-1, -1]);
        var below = Append(graph, "Sub", [here, Crop(graph, image, [1, 0], [int.MaxValue, -1])]);
        var right = Append(graph, "Sub", [here, Crop(graph, image, [0, 1], [-1, int.MaxValue])]);
        var squares = Append(graph, "Add", [Squared(graph, below), Squared(graph, right)]);
        return Total(graph, Append(graph, "Pow", [squares, Constant(graph, exponent)]));
    }

    /// <summary>How strongly one filter answers: the mean of its channel.</summary>
    /// <param name="features">A feature map <c>[N, C, h, w]</c>.</param>
    /// <param name="filter">The channel.</param>
    /// <param name="border">Rows and columns left out at each side, where padding shows. Default 2.</param>
    /// <inheritdoc cref="Style" path="/param[@name='graph']"/>
    /// <returns>The name of a value <c>[N]</c>: a scalar for each picture of a batch; the seed is a 1 for
    /// each.</returns>
    public static string FilterMean(Graph graph, string features, int filter, int border = 2)
    {
        var end = border == 0 ? int.MaxValue : -border;
        var inner = Slice(graph, features, [filter, border, border], [filter + 1, end, end], [1, 2, 3]);
        long[] axes = [1, 2, 3];
        return graph.OpsetVersion < 18
            ? Append(graph, "ReduceMean", [inner], ("axes", axes), ("keepdims", 0))
            : Append(graph, "ReduceMean", [inner, Constant(graph, axes)], ("keepdims", 0));
    }

    /// <summary>Scalars weighted and added up.</summary>
    /// <inheritdoc cref="Style" path="/param[@name='graph']"/>
    /// <inheritdoc cref="Style" path="/returns"/>
    public static string Sum(Graph graph, params IEnumerable<(string Loss, double Weight)> losses) =>
        Append(graph, "Sum", [.. losses.Select(part => Scaled(graph, part.Loss, part.Weight))]);

    private static string SquaredDistance(Graph graph, string a, string b) =>
        Total(graph, Squared(graph, Append(graph, "Sub", [a, b])));

    private static string Squared(Graph graph, string value) => Append(graph, "Mul", [value, value]);

    private static string Total(Graph graph, string value) => Append(graph, "ReduceSum", [value], ("keepdims", 0));

    private static string Scaled(Graph graph, string value, double factor) =>
        Append(graph, "Mul", [value, Constant(graph, factor)]);

    private static string Crop(Graph graph, string image, long[] starts, long[] ends) =>
        Slice(graph, image, starts, ends, [2, 3]);

    private static string Slice(Graph graph, string value, long[] starts, long[] ends, long[] axes) =>
        graph.OpsetVersion < 10 ? Append(graph, "Slice", [value], ("starts", starts), ("ends", ends), ("axes", axes))
        : Append(graph, "Slice", [value, Constant(graph, starts), Constant(graph, ends), Constant(graph, axes)]);

    private static string Constant(Graph graph, double value) =>
        graph.AddInitializer("loss_constant", Tensor.Scalar((float)value));

    private static string Constant(Graph graph, long[] values) =>
        graph.AddInitializer("loss_constant", Tensor.Of(values));

    private static string Append(
        Graph graph,
        string opType,
        string[] inputs,
        params ReadOnlySpan<(string Name, AttributeValue Value)> attributes)
    {
        var output = graph.FreshName($"loss_{opType}");
        graph.Append(new(opType, inputs, [output], attributes) { Name = output });
        return output;
    }
}
