using OnnxGraph.Proto;

namespace OnnxGraph;

/// <summary>Writes small models by hand: each call adds a node and returns the name of its value, for the next
/// call.</summary>
/// <example><code>
/// var g = new GraphBuilder(opset: 13);
/// var x = g.Input("input", ElementType.Float, "N", 3, 32, 32);
/// var y = g.Node("Conv", [x, g.Constant(weights, 8, 3, 3, 3)], ("pads", new long[] { 1, 1, 1, 1 }));
/// g.Output("features", g.Relu(y), ElementType.Float, "N", 8, 32, 32);
/// var graph = g.Build();
/// </code></example>
public sealed partial class GraphBuilder
{
    private readonly Graph _graph;
    private readonly List<(string Value, string Name)> _wanted = [];
    private readonly List<Value> _outputs = [];

    /// <summary>Begins an empty model.</summary>
    /// <param name="opset">The version of ONNX's operator set, 7 to what the runtime knows.</param>
    /// <param name="irVersion">The version of the file format; 0 takes the oldest that allows the opset.</param>
    /// <param name="name">The graph's name.</param>
    public GraphBuilder(int opset = 17, int irVersion = 0, string name = "graph")
    {
        _graph = new(new ModelProto
        {
            IrVersion = irVersion != 0 ? irVersion : OldestIrVersion(opset),
            ProducerName = "OnnxGraph",
            Graph = new() { Name = name },
            OpsetImport = { new OperatorSetIdProto { Domain = "", Version = opset } },
        });
    }

    /// <summary>The version of ONNX's operator set, which says what form a node must have.</summary>
    public int Opset => _graph.OpsetVersion;

    /// <summary>Adds an input that the caller feeds.</summary>
    /// <param name="name">The input's name.</param>
    /// <param name="type">The type of its elements.</param>
    /// <param name="shape">Its dimensions: numbers, or symbols such as <c>"N"</c>.</param>
    public string Input(string name, ElementType type, params IReadOnlyList<Dimension> shape)
    {
        _graph.AddInput(new(name, type, shape));
        return name;
    }

    /// <summary>Makes a value an output of unknown shape, which the runtime finds out itself.</summary>
    /// <param name="name">The output's name.</param>
    /// <param name="value">The value that becomes the output.</param>
    /// <param name="type">The type of its elements.</param>
    public GraphBuilder Output(string name, string value, ElementType type = ElementType.Float) =>
        Output(value, new Value(name, type, null));

    /// <summary>Makes a value an output.</summary>
    /// <param name="name">The output's name.</param>
    /// <param name="value">The value that becomes the output.</param>
    /// <param name="type">The type of its elements.</param>
    /// <param name="shape">Its dimensions: numbers, or symbols such as <c>"N"</c>.</param>
    public GraphBuilder Output(string name, string value, ElementType type, params IReadOnlyList<Dimension> shape) =>
        Output(value, new Value(name, type, shape));

    /// <summary>Gives a value a name of your choice in the finished graph; the name used until now stays good for
    /// further
    /// calls.</summary>
    public string Name(string value, string name)
    {
        _wanted.Add((value, name));
        return value;
    }

    /// <summary>Adds an entry to the file's metadata.</summary>
    public GraphBuilder Metadata(string key, string value)
    {
        _graph.Metadata[key] = value;
        return this;
    }

    /// <summary>Sets the name of the tool that the model claims to come from.</summary>
    public GraphBuilder Producer(string name)
    {
        _graph.ProducerName = name;
        return this;
    }

    /// <summary>Adds a constant.</summary>
    /// <param name="tensor">The constant.</param>
    /// <param name="name">Its name, or the begin of it where it is taken.</param>
    public string Constant(Tensor tensor, string name = "constant") => _graph.AddInitializer(name, tensor);

    /// <summary>Adds a constant of floats.</summary>
    /// <param name="elements">Row-major, as many as the shape holds.</param>
    /// <param name="shape">The dimensions; left out, a vector.</param>
    public string Constant(float[] elements, params ReadOnlySpan<long> shape) => Constant(Tensor.Of(elements, shape));

    /// <summary>Adds a constant of int64.</summary>
    /// <inheritdoc cref="Constant(float[], ReadOnlySpan{long})" path="/param"/>
    public string Constant(long[] elements, params ReadOnlySpan<long> shape) => Constant(Tensor.Of(elements, shape));

    /// <summary>Adds a constant of bytes.</summary>
    /// <inheritdoc cref="Constant(float[], ReadOnlySpan{long})" path="/param"/>
    public string Constant(byte[] elements, params ReadOnlySpan<long> shape) => Constant(Tensor.Of(elements, shape));

    /// <summary>Adds a constant of half floats.</summary>
    /// <inheritdoc cref="Constant(float[], ReadOnlySpan{long})" path="/param"/>
    public string Constant(Half[] elements, params ReadOnlySpan<long> shape) => Constant(Tensor.Of(elements, shape));

    /// <summary>Adds a node with one output and returns the output's name.</summary>
    /// <param name="opType">The operator, such as <c>Conv</c>.</param>
    /// <param name="inputs">Values read; an empty name leaves an optional input out.</param>
    /// <param name="attributes">Names and values of the attributes.</param>
    public string Node(
        string opType, IEnumerable<string> inputs, params ReadOnlySpan<(string Name, AttributeValue Value)> attributes) =>
        Node(opType, inputs, outputs: 1, attributes)[0];

    /// <summary>Adds a node with several outputs and returns their names.</summary>
    /// <param name="opType">The operator, such as <c>Split</c>.</param>
    /// <param name="inputs">Values read; an empty name leaves an optional input out.</param>
    /// <param name="outputs">How many outputs the node has.</param>
    /// <param name="attributes">Names and values of the attributes.</param>
    public string[] Node(
        string opType,
        IEnumerable<string> inputs,
        int outputs,
        params ReadOnlySpan<(string Name, AttributeValue Value)> attributes)
    {
        var names = Enumerable.Range(0, outputs).Select(_ => _graph.FreshName(opType)).ToArray();
        _graph.Append(new(opType, inputs, names, attributes) { Name = names[0] });
        return names;
    }

    /// <summary>Finishes the model; the builder is used up.</summary>
    /// <exception cref="OnnxGraphException">A name is taken twice.</exception>
    public Graph Build()
    {
        var named = new HashSet<string>();
        foreach (var (value, name) in _wanted)
        {
            // An input, or a value that is an output already, cannot take a second name.
            if (_graph.Producer(value) is not null && named.Add(value))
            {
                _graph.Rename(value, name);
            }
            else
            {
                _graph.Append(new("Identity", [FinalName(value)], [name]));
            }
        }

        _outputs.ForEach(_graph.AddOutput);
        return _graph;
    }

    /// <summary>From the table in ONNX's docs/Versioning.md.</summary>
    private static int OldestIrVersion(int opset)
    {
        return opset switch { < 9 => 3, < 10 => 4, < 11 => 5, < 12 => 6, < 15 => 7, < 19 => 8, < 21 => 9, _ => 10 };
    }

    private GraphBuilder Output(string value, Value output)
    {
        _wanted.Add((value, output.Name));
        _outputs.Add(output);
        return this;
    }

    private string FinalName(string value)
    {
        return _wanted.Where(wanted => wanted.Value == value && _graph.Producer(wanted.Name) is not null)
            .Select(wanted => wanted.Name).FirstOrDefault(value);
    }
}
