using OnnxGraph.Proto;

namespace OnnxGraph;

/// <summary>How the functions that a model brings along call each other: a runtime replaces each call by the body, so
/// a circle never ends, and few functions that call each other twice make more nodes than any memory holds.</summary>
internal sealed class FunctionCalls
{
    private readonly string _file;
    private readonly GraphProto _graph;
    private readonly Dictionary<(string Domain, string Name, string Overload), FunctionProto> _functions = [];
    private readonly Dictionary<FunctionProto, double> _sizes = new(ReferenceEqualityComparer.Instance);
    private readonly List<FunctionProto> _path = [];

    public FunctionCalls(ModelProto model, string file)
    {
        (_file, _graph) = (file, model.Graph);
        foreach (var function in model.Functions)
        {
            _functions[(function.Domain, function.Name, function.Overload)] = function;
        }
    }

    /// <exception cref="OnnxGraphException">A function calls itself, or the graph has too many nodes once all calls are
    /// replaced.</exception>
    public void Check(int maxNodes)
    {
        foreach (var function in _functions.Values)
        {
            Size(function);
        }

        if (_functions.Count > 0 && Size(_graph.Node) is var size && size > maxNodes)
        {
            throw new OnnxGraphException(
                $"{_file} has {size:0.##e+0} nodes once its functions are put in place; at most {maxNodes} are read.");
        }
    }

    // In double: it saturates where integers would wrap around.
    private double Size(IEnumerable<NodeProto> nodes) => nodes.Sum(node =>
        (_functions.TryGetValue((node.Domain, node.OpType, node.Overload), out var function) ? Size(function) : 1)
        + Bodies.Of(node).Sum(body => Size(body.Node)));

    private double Size(FunctionProto function)
    {
        // As deep as the chain of calls: a bound keeps it on the stack.
        const int MaxDepth = 64;
        if (_sizes.TryGetValue(function, out var known))
        {
            return known;
        }

        if (_path.Contains(function, ReferenceEqualityComparer.Instance))
        {
            throw new OnnxGraphException($"{_file} has the function '{function.Name}', which calls itself.");
        }

        if (_path.Count == MaxDepth)
        {
            throw new OnnxGraphException(
                $"{_file} has functions that call each other more than {MaxDepth} deep, which is the most that is read.");
        }

        _path.Add(function);
        var size = Size(function.Node);
        _path.RemoveAt(_path.Count - 1);
        return _sizes[function] = size;
    }
}
