using Google.Protobuf.Collections;
using OnnxGraph.Proto;

namespace OnnxGraph;

/// <summary>Refuses a model that no runtime should see: too much of something, tensors whose data is not what their shape
/// says, values that nothing or too much writes, functions that call themselves.</summary>
/// <remarks>Nesting is bounded by the parser, at <see cref="MaxMessageDepth"/> messages, so that walks may
/// recurse.</remarks>
internal sealed class ModelCheck
{
    /// <summary>How deep messages may lie in each other; a body in a body takes three. Protobuf's own limit.</summary>
    public const int MaxMessageDepth = 100;

    // Several times what the largest vision models have.
    private const int MaxNodes = 250_000;
    private const int MaxTensors = 500_000;
    private const int MaxAttributes = 2_000_000;
    private const int MaxName = 1 << 16;
    private const int MaxRank = 64;

    private readonly string _file;
    private int _nodes;
    private int _tensors;
    private int _attributes;

    private ModelCheck(string file)
    {
        _file = file;
    }

    /// <param name="file">What messages call the model.</param>
    /// <exception cref="OnnxGraphException">The message names what, where, limit and value.</exception>
    public static void Run(ModelProto model, string file)
    {
        var check = new ModelCheck(file);
        check.Values(model.Graph, outer: null);
        foreach (var function in model.Functions)
        {
            check.Function(function);
        }

        new FunctionCalls(model, file).Check(MaxNodes);
        foreach (var tensor in ExternalData.TensorsIn(model))
        {
            check.Tensor(tensor);
        }
    }

    /// <summary>One graph: each value is written once and read only where something writes it, here or
    /// around.</summary>
    private void Values(GraphProto graph, Scope? outer)
    {
        var scope = new Scope(outer);
        foreach (var input in graph.Input)
        {
            Define(scope, input.Name, "a graph input");
        }

        var initializers = new HashSet<string>();
        foreach (var name in graph.Initializer.Select(static tensor => tensor.Name)
            .Concat(graph.SparseInitializer.Select(static sparse => sparse.Values?.Name ?? "")))
        {
            if (!initializers.Add(Short(name, "an initializer")))
            {
                throw Refusal($"has two initializers named '{name}'");
            }

            scope.Names.Add(name);                                  // may be an input, too: its default
        }

        Nodes(graph.Node, scope);
        foreach (var output in graph.Output.Where(output => !scope.Holds(Short(output.Name, "an output"))))
        {
            throw Refusal($"has the output '{output.Name}', which nothing writes");
        }
    }

    private void Function(FunctionProto function)
    {
        var scope = new Scope(null);
        foreach (var input in function.Input)
        {
            Define(scope, input, "a function's input");
        }

        Nodes(function.Node, scope);
    }

    private void Nodes(RepeatedField<NodeProto> nodes, Scope scope)
    {
        Count(ref _nodes, nodes.Count, MaxNodes, "nodes");
        foreach (var node in nodes)
        {
            Short(node.Name, "a node");
            Short(node.Domain, "an operator's domain");
            if (Short(node.OpType, "an operator") == "")
            {
                throw Refusal($"has a node without an operator: '{Label(node)}'");
            }

            foreach (var output in node.Output.Where(static output => output != ""))
            {
                Define(scope, output, $"the node '{Label(node)}'");
            }
        }

        foreach (var node in nodes)
        {
            foreach (var input in node.Input.Where(input => input != "" && !scope.Holds(input)))
            {
                throw Refusal($"has the node '{Label(node)}' ({node.OpType}), which reads '{Cut(input)}', "
                    + "and nothing writes that");
            }

            Count(ref _attributes, node.Attribute.Count, MaxAttributes, "attributes");
            foreach (var attribute in node.Attribute)
            {
                Short(attribute.Name, "an attribute");
            }

            foreach (var body in Bodies.Of(node))
            {
                Values(body, scope);
            }
        }
    }

    private void Tensor(TensorProto tensor)
    {
        Count(ref _tensors, 1, MaxTensors, "tensors");
        if (tensor.Dims.Count > MaxRank)
        {
            throw Refusal(
                $"has the tensor '{Cut(tensor.Name)}' of {tensor.Dims.Count} dimensions; at most {MaxRank} are read");
        }

        if (tensor.Dims.Any(static size => size < 0))
        {
            throw Refusal($"has the tensor '{Cut(tensor.Name)}' of shape [{string.Join(", ", tensor.Dims)}], "
                + "and a dimension cannot be negative");
        }

        if (tensor.DataLocation != TensorProto.Types.DataLocation.External
            && TensorElements.Held(tensor) is { } held && TensorElements.Needed(tensor) is { } needed && held != needed)
        {
            var unit = tensor.HasRawData ? "bytes" : "numbers";
            throw Refusal(
                $"has the tensor '{Cut(tensor.Name)}' of {new Tensor(tensor)} with {held} {unit}; it needs {needed:0}");
        }
    }

    private void Define(Scope scope, string name, string what)
    {
        if (!scope.Names.Add(Short(name, what)))
        {
            throw Refusal($"has two values named '{name}'; the second is {what}");
        }
    }

    private void Count(ref int counted, int more, int most, string what)
    {
        if ((counted += more) > most)
        {
            throw Refusal($"has more than {most} {what}, which is the most that is read");
        }
    }

    private string Short(string name, string what) => name.Length <= MaxName
        ? name
        : throw Refusal($"has {what} with a name of {name.Length} characters; at most {MaxName} are read");

    private OnnxGraphException Refusal(string reason) => new($"{_file} {reason}.");

    /// <summary>What a person finds the node by.</summary>
    private static string Label(NodeProto node) => Cut(node.Name != "" ? node.Name : node.Output.FirstOrDefault() ?? "");

    private static string Cut(string name) => name.Length <= 200 ? name : $"{name[..200]}...";

    /// <summary>The names that a graph defines, inside those of the graphs around it.</summary>
    private sealed class Scope(Scope? outer)
    {
        public HashSet<string> Names { get; } = [];

        public bool Holds(string name) => Names.Contains(name) || (outer?.Holds(name) ?? false);
    }
}
