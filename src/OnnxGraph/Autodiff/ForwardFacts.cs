namespace OnnxGraph.Autodiff;

/// <summary>What probe runs of the forward graph tell: shapes, and the elements of small tensors, of which some hold
/// for every picture and some do not.</summary>
internal sealed class ForwardFacts
{
    private static readonly HashSet<string> MakeShapesOfContent =
        ["NonZero", "NonMaxSuppression", "Compress", "Unique", "If", "Loop", "Scan"];

    private readonly Graph _graph;
    private readonly IReadOnlyDictionary<string, ProbedValue> _values;
    private readonly IReadOnlyDictionary<string, ProbedValue>? _larger;
    private readonly HashSet<string> _ofContent;
    private readonly HashSet<string> _shapedByContent;

    private ForwardFacts(
        Graph graph, IReadOnlyDictionary<string, ProbedValue> values, IReadOnlyDictionary<string, ProbedValue>? larger)
    {
        (_graph, _values, _larger) = (graph, values, larger);
        (_ofContent, _shapedByContent) = FollowContent(graph);
    }

    /// <summary>Facts that hold for any batch size; null where the model runs with one size only.</summary>
    public static ForwardFacts? OfFreeBatch(Graph graph, GraphProbe probe) =>
        Run(graph, probe, 2) is { } two && Run(graph, probe, 3) is { } three ? new(graph, two, three) : null;

    /// <summary>Facts for the batch size of the file, 1 where it names none.</summary>
    /// <exception cref="OnnxGraphException">The model does not run.</exception>
    public static ForwardFacts OfFixedBatch(Graph graph, GraphProbe probe) =>
        new(graph, Run(graph, probe, 1) ?? throw new OnnxGraphException("The model did not run."), null);

    public ElementType Type(string value) => _values.TryGetValue(value, out var probed)
        ? probed.Type
        : _graph.Constant(value)?.Type ?? _graph.Find(value)?.Type ?? ElementType.Undefined;

    public int Rank(string value) => Probed(value).Count;

    /// <summary>The size of one axis, which must be the same for every batch size and picture.</summary>
    public long Size(string value, int axis) => IsBatchAxis(value, axis)
        ? throw new BatchDependentException()
        : Probed(value, needed: true)[axis];

    /// <summary>All dimensions, or those from one axis on; see <see cref="Size"/>.</summary>
    public long[] Shape(string value, int from = 0) =>
        [.. Enumerable.Range(from, Rank(value) - from).Select(axis => Size(value, axis))];

    /// <summary>All dimensions, -1 for those that depend on the batch size or the picture.</summary>
    public long[] OpenShape(string value) => _shapedByContent.Contains(value)
        ? [.. Enumerable.Repeat(-1L, Rank(value))]
        : [.. Enumerable.Range(0, Rank(value)).Select(axis => IsBatchAxis(value, axis) ? -1 : Probed(value)[axis])];

    /// <summary>All dimensions as a file declares them: <c>N</c> for the batch.</summary>
    public Dimension[] Dimensions(string value)
    {
        Dimension Open(int axis) => Probed(value)[axis] == 2 && _larger?[value].Shape[axis] == 3 ? "N" : Dimension.Unknown;
        return [.. OpenShape(value).Select((size, axis) => size < 0 ? Open(axis) : size)];
    }

    /// <summary>Whether the size of an axis grows with the batch.</summary>
    public bool IsBatchAxis(string value, int axis) =>
        _larger?.GetValueOrDefault(value) is { } larger && larger.Shape[axis] != Probed(value)[axis];

    /// <summary>The integers of a small tensor that is the same for every picture, such as the starts of a
    /// Slice.</summary>
    /// <exception cref="OnnxGraphException">They depend on the picture, or are too many.</exception>
    public long[] Integers(string value) => Fixed(value, static tensor => tensor.ToInt64s());

    /// <summary>The floats of a small tensor that is the same for every picture, such as the scales of a
    /// Resize.</summary>
    /// <exception cref="OnnxGraphException">They depend on the picture, or are too many.</exception>
    public float[] Floats(string value) => Fixed(value, static tensor => tensor.ToFloats());

    /// <summary>Whether the elements differ from picture to picture.</summary>
    public bool IsOfContent(string value) => _ofContent.Contains(value);

    private static Dictionary<string, ProbedValue>? Run(Graph graph, GraphProbe probe, int batch)
    {
        var copy = graph.Clone();
        var inner = copy.Nodes.SelectMany(node => node.Outputs).Where(value => value != "" && !copy.IsOutput(value));
        foreach (var value in inner.ToArray())
        {
            copy.AddOutput(new Value(value, ElementType.Undefined, null));
        }

        // An input cannot be an output: a copy of it can.
        var inputs = copy.Inputs.Select(input => (input.Name, Copy: copy.FreshName(input.Name + "_copy"))).ToArray();
        foreach (var (name, output) in inputs)
        {
            copy.Append(new("Identity", [name], [output]));
            copy.AddOutput(output);
        }

        if (probe(copy.ToBytes(), batch)?.ToDictionary() is not { } values)
        {
            return null;
        }

        foreach (var (name, output) in inputs)
        {
            values[name] = values[output];
        }

        return values;
    }

    /// <summary>What is downstream of a picture's pixels, shapes aside; and what has its very shape from there.</summary>
    private static (HashSet<string> Content, HashSet<string> Shape) FollowContent(Graph graph)
    {
        var content = graph.Inputs.Select(input => input.Name).ToHashSet();
        var shaped = new HashSet<string>();
        foreach (var node in graph.InOrder())
        {
            var isShaped = node.Reads.Any(shaped.Contains)
                || (node.Reads.Any(content.Contains)
                    && (MakeShapesOfContent.Contains(node.OpType) || ReadsSizes(node).Any(content.Contains)));
            if (isShaped)
            {
                shaped.UnionWith(node.Outputs);
            }

            var readsOnlyShapes = node.Is("Shape") || node.Is("Size");
            if (readsOnlyShapes ? isShaped : node.Reads.Any(content.Contains))
            {
                content.UnionWith(node.Outputs);
            }
        }

        content.Remove("");
        shaped.Remove("");
        return (content, shaped);
    }

    /// <summary>The inputs of a node whose elements decide about the size of its output.</summary>
    private static IEnumerable<string> ReadsSizes(Node node) => node.OpType switch
    {
        "Reshape" or "Expand" or "Tile" or "Slice" or "Pad" or "Resize" or "Upsample" or "TopK" or "OneHot" =>
            node.Inputs.Skip(1),
        "ConstantOfShape" or "Range" => node.Inputs,
        _ => [],
    };

    private T[] Fixed<T>(string value, Func<Tensor, T[]> read)
    {
        if (_graph.Constant(value) is { } constant)
        {
            return read(constant);
        }

        if (_ofContent.Contains(value))
        {
            throw new OnnxGraphException(
                $"'{value}' depends on what the picture shows; it cannot be differentiated through.");
        }

        var elements = _values.GetValueOrDefault(value)?.Elements ?? throw new OnnxGraphException(
            $"'{value}' is not known, or has more than {ProbedValue.MaxElements} elements.");
        var read1 = read(elements);
        return _larger is null || (_larger[value].Elements is { } other && read(other).AsSpan().SequenceEqual(read1))
            ? read1
            : throw new BatchDependentException();
    }

    private IReadOnlyList<long> Probed(string value, bool needed = false)
    {
        if (needed && _shapedByContent.Contains(value))
        {
            throw new OnnxGraphException(
                $"The shape of '{value}' depends on what the picture shows; it cannot be differentiated through.");
        }

        return _values.TryGetValue(value, out var probed) ? probed.Shape
            : _graph.Constant(value)?.Shape
            ?? throw new OnnxGraphException($"The probe run said nothing of the value '{value}'.");
    }
}

/// <summary>A rule has to know the size of the batch; caught where the graph is then differentiated for one
/// size.</summary>
internal sealed class BatchDependentException : Exception;
