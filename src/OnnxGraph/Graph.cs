using OnnxGraph.Proto;

namespace OnnxGraph;

/// <summary>An ONNX model in memory: its graph, ready to be asked, changed and written.</summary>
/// <remarks>
/// Values are known by name. Who writes and who reads a value is indexed, bodies of <c>If</c>, <c>Loop</c> and
/// <c>Scan</c>
/// included, and the index follows every edit; single edits cost what they touch, not what the graph holds.
/// What the library does not know (newer fields, functions, annotations) travels along. Not safe for concurrent use.
/// </remarks>
public sealed partial class Graph
{
    private readonly ModelProto _model;
    private readonly LinkedList<Node> _nodes = new();
    private readonly OrderedDictionary<string, Tensor> _initializers = [];
    private readonly OrderedDictionary<string, ValueInfoProto> _types;
    private readonly OrderedDictionary<string, string> _metadata = [];
    private readonly Dictionary<string, Node> _producers = [];
    private readonly Dictionary<string, HashSet<Node>> _consumers = [];
    private readonly HashSet<Node> _withBodies = [];
    private readonly HashSet<string> _names = [];
    private readonly Dictionary<string, int> _lastFresh = [];

    internal Graph(ModelProto model, bool hasExternalData = false)
    {
        _model = model;
        _hasExternalData = hasExternalData;
        _types = ByName(Proto.ValueInfo);
        foreach (var initializer in Proto.Initializer)
        {
            _initializers[initializer.Name] = new(initializer);
        }

        foreach (var entry in model.MetadataProps)
        {
            _metadata[entry.Key] = entry.Value;
        }

        _names.UnionWith(_initializers.Keys);
        _names.UnionWith(Proto.Input.Concat(Proto.Output).Concat(Proto.ValueInfo).Select(value => value.Name));
        _names.UnionWith(Proto.SparseInitializer.Select(sparse => sparse.Values?.Name ?? ""));
        foreach (var node in Proto.Node)
        {
            Append(new(node));
        }
    }

    /// <summary>The graph's own name.</summary>
    public string Name
    {
        get => Proto.Name;
        set => Proto.Name = value;
    }

    /// <summary>The tool that wrote the model, such as <c>pytorch</c>; may be empty.</summary>
    public string ProducerName
    {
        get => _model.ProducerName;
        set => _model.ProducerName = value;
    }

    /// <summary>The version of that tool; may be empty.</summary>
    public string ProducerVersion => _model.ProducerVersion;

    /// <summary>What the author says about the model; may be empty.</summary>
    public string Description => _model.DocString != "" ? _model.DocString : Proto.DocString;

    /// <summary>The version of the file format. Below 4, initializers must be graph inputs as well; edits see to
    /// it.</summary>
    public long IrVersion => _model.IrVersion;

    /// <summary>The version of ONNX's own operator set, which says what form a node must have.</summary>
    public int OpsetVersion => (int)Opsets.GetValueOrDefault("", 1);

    /// <summary>The imported operator sets: domain (empty for ONNX's own) to version.</summary>
    public IReadOnlyDictionary<string, long> Opsets => _model.OpsetImport
        .GroupBy(opset => opset.Domain == "ai.onnx" ? "" : opset.Domain)
        .ToDictionary(opsets => opsets.Key, opsets => opsets.Max(opset => opset.Version));

    /// <summary>The file's free key-value pairs (<c>metadata_props</c>); changes are written with the model.</summary>
    public IDictionary<string, string> Metadata => _metadata;

    /// <summary>What a caller must feed, in the file's order; an input that has an initializer is not among
    /// them.</summary>
    public IReadOnlyList<Value> Inputs =>
        [.. Proto.Input.Where(input => !_initializers.ContainsKey(input.Name)).Select(Value.From)];

    /// <summary>What a run returns, in the file's order.</summary>
    public IReadOnlyList<Value> Outputs => [.. Proto.Output.Select(Value.From)];

    /// <summary>The nodes, in an order in which each one's inputs come first (restored when the model is
    /// written).</summary>
    /// <remarks>A live view: copy it (<c>[.. graph.Nodes]</c>) before adding or removing nodes in a loop.</remarks>
    public IReadOnlyCollection<Node> Nodes => _nodes;

    /// <summary>The constant tensors of the graph by name, a live view.</summary>
    public IReadOnlyDictionary<string, Tensor> Initializers => _initializers;

    internal IEnumerable<Value> DeclaredValues =>
        Proto.Input.Concat(Proto.Output).Concat(_types.Values).Select(Value.From);

    private GraphProto Proto => _model.Graph;

    /// <summary>The node that writes a value, or null: a graph input, an initializer or unknown.</summary>
    public Node? Producer(string value) => _producers.GetValueOrDefault(value);

    /// <summary>The nodes that read a value, in their inputs or in their bodies; each once, in no promised
    /// order.</summary>
    public IReadOnlyCollection<Node> Consumers(string value) =>
        _consumers.TryGetValue(value, out var nodes) ? nodes : [];

    /// <summary>Whether the value is an output of the graph.</summary>
    public bool IsOutput(string value) => Proto.Output.Any(output => output.Name == value);

    /// <summary>The tensor behind a name, where it is an initializer or a <c>Constant</c> node's output; else
    /// null.</summary>
    public Tensor? Constant(string value)
    {
        if (_initializers.TryGetValue(value, out var tensor))
        {
            return tensor;
        }

        if (Producer(value) is not { } node || !node.Is("Constant"))
        {
            return null;
        }

        return node.Tensor("value")
            ?? (node.Has("value_float") ? Tensor.Scalar(node.Float("value_float"))
            : node.Has("value_int") ? Tensor.Scalar(node.Int("value_int"))
            : node.Floats("value_floats") is { } floats ? Tensor.Of([.. floats])
            : node.Ints("value_ints") is { } integers ? Tensor.Of([.. integers])
            : null);
    }

    /// <summary>What the file says of a value: an input's, output's or inner value's type and shape; null where
    /// nothing.</summary>
    public Value? Find(string value)
    {
        var info = Proto.Input.Concat(Proto.Output).FirstOrDefault(info => info.Name == value)
            ?? _types.GetValueOrDefault(value);
        return info is not null ? Value.From(info)
            : Constant(value) is { } tensor ? new(value, tensor.Type, [.. tensor.Shape.Select(size => (Dimension)size)])
            : null;
    }

    /// <summary>A name that no value of the graph or of its bodies has; it is reserved from then on.</summary>
    /// <param name="stem">The name itself if free, else with a number behind it.</param>
    public string FreshName(string stem)
    {
        var name = stem;
        while (name == "" || !_names.Add(name))
        {
            name = $"{stem}_{_lastFresh[stem] = _lastFresh.GetValueOrDefault(stem) + 1}";
        }

        return name;
    }

    private static OrderedDictionary<string, ValueInfoProto> ByName(IEnumerable<ValueInfoProto> infos)
    {
        var types = new OrderedDictionary<string, ValueInfoProto>();
        foreach (var info in infos)
        {
            types[info.Name] = info;
        }

        return types;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {string.Join(", ", Inputs)} -> {string.Join(", ", Outputs)}";
}
