using OnnxGraph.Proto;

namespace OnnxGraph;

/// <summary>One operation of a graph: its operator, the values it reads and writes, its attributes.</summary>
/// <remarks>A node belongs to one graph at most. Its inputs change through <see cref="SetInput"/>, so that the graph
/// always
/// knows who uses a value.</remarks>
public sealed partial class Node
{
    private readonly HashSet<string> _captures;

    /// <summary>Creates a node that no graph holds yet.</summary>
    /// <param name="opType">The operator, such as <c>Conv</c>.</param>
    /// <param name="inputs">Names of the values read; an empty name leaves an optional input out.</param>
    /// <param name="outputs">Names of the values written; fresh ones come from <see cref="Graph.FreshName"/>.</param>
    /// <param name="attributes">Names and values of the attributes.</param>
    public Node(
        string opType,
        IEnumerable<string> inputs,
        IEnumerable<string> outputs,
        params ReadOnlySpan<(string Name, AttributeValue Value)> attributes)
        : this(new NodeProto { OpType = opType, Input = { inputs }, Output = { outputs } })
    {
        foreach (var (name, value) in attributes)
        {
            Set(name, value);
        }
    }

    internal Node(NodeProto proto)
    {
        Proto = proto;
        _captures = Bodies.CapturesOf(proto);
    }

    /// <summary>The node's own name; may be empty, and need not be unique.</summary>
    public string Name
    {
        get => Proto.Name;
        set => Proto.Name = value;
    }

    /// <summary>The operator, such as <c>Conv</c>.</summary>
    public string OpType => Proto.OpType;

    /// <summary>The domain of the operator; empty for ONNX's own.</summary>
    public string Domain
    {
        get => Proto.Domain == "ai.onnx" ? "" : Proto.Domain;
        init => Proto.Domain = value;
    }

    /// <summary>Names of the values read; an empty name is an optional input left out.</summary>
    public IReadOnlyList<string> Inputs => Proto.Input;

    /// <summary>Names of the values written; an empty name is an optional output left out.</summary>
    public IReadOnlyList<string> Outputs => Proto.Output;

    /// <summary>Names of the outer values that the bodies of an <c>If</c>, <c>Loop</c> or <c>Scan</c> read.</summary>
    public IReadOnlyCollection<string> Captures => _captures;

    internal NodeProto Proto { get; }

    /// <summary>The graph that holds the node, and its place in the order there.</summary>
    internal Graph? Graph { get; set; }

    internal LinkedListNode<Node>? Place { get; set; }

    /// <summary>Everything the node reads: its inputs without the empty ones, and its captures.</summary>
    internal IEnumerable<string> Reads => Proto.Input.Where(name => name != "").Concat(_captures);

    /// <summary>Whether the node is ONNX's own operator of this name.</summary>
    public bool Is(string opType) => OpType == opType && Domain == "";

    /// <summary>Makes the node read another value at one place.</summary>
    /// <param name="index">Which input; behind the last one, the ones between are left out (empty).</param>
    /// <param name="value">The value's name; empty leaves the input out.</param>
    public void SetInput(int index, string value)
    {
        Graph?.Forget(this);
        while (Proto.Input.Count <= index)
        {
            Proto.Input.Add("");
        }

        Proto.Input[index] = value;
        Graph?.Learn(this);
    }

    /// <summary>Makes the node write a value of another name at one place; nobody else is changed.</summary>
    /// <param name="index">Which output; behind the last one, the ones between are left out (empty).</param>
    /// <param name="value">The value's name; empty leaves the output out.</param>
    /// <exception cref="OnnxGraphException">Another node of the graph writes a value of that name.</exception>
    public void SetOutput(int index, string value)
    {
        Graph?.RefuseTaken(value, except: this);
        Graph?.Forget(this);
        while (Proto.Output.Count <= index)
        {
            Proto.Output.Add("");
        }

        Proto.Output[index] = value;
        Graph?.Learn(this);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{string.Join(", ", Outputs)} = {OpType}({string.Join(", ", Inputs)})";

    /// <summary>Renames what the node reads, in its inputs and in its bodies.</summary>
    internal void RenameReads(string oldName, string newName)
    {
        for (var i = 0; i < Proto.Input.Count; i++)
        {
            if (Proto.Input[i] == oldName)
            {
                Proto.Input[i] = newName;
            }
        }

        if (_captures.Remove(oldName))
        {
            Bodies.RenameCapture(Proto, oldName, newName);
            _captures.Add(newName);
        }
    }
}
