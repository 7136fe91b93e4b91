using OnnxGraph.Proto;

namespace OnnxGraph;

/// <summary>An operator that a model uses.</summary>
/// <param name="Domain">Empty for ONNX's own.</param>
/// <param name="OpType">Its name, such as <c>Conv</c>.</param>
/// <param name="Version">The version of its operator set that the model imports; 0 where it imports none.</param>
/// <param name="Nodes">Names of the nodes, or of their first outputs where they have none.</param>
public sealed record UsedOperator(string Domain, string OpType, long Version, IReadOnlyList<string> Nodes);

public sealed partial class Graph
{
    /// <summary>The operators that a runtime must know: those of the nodes, bodies and functions included, but not the
    /// functions that the model brings along.</summary>
    public IReadOnlyList<UsedOperator> Operators()
    {
        var functions = _model.Functions.Select(static function => (Plain(function.Domain), function.Name)).ToHashSet();
        return
        [
            .. AllNodes()
                .GroupBy(static node => (Domain: Plain(node.Domain), node.OpType))
                .Where(group => !functions.Contains(group.Key))
                .Select(group => new UsedOperator(
                    group.Key.Domain,
                    group.Key.OpType,
                    Opsets.GetValueOrDefault(group.Key.Domain),
                    [.. group.Select(static node => node.Name != "" ? node.Name : node.Output.FirstOrDefault() ?? "")])),
        ];
    }

    /// <summary>A model of nothing but the first node of an operator, its inputs taken for floats: what a runtime says of
    /// that is said of the operator.</summary>
    public Graph Alone(UsedOperator used)
    {
        var node = AllNodes().First(node => (Plain(node.Domain), node.OpType) == (used.Domain, used.OpType)).Clone();
        var lone = new GraphProto { Name = used.OpType, Node = { node } };
        lone.Input.AddRange(node.Input.Where(static name => name != "").Distinct().Select(
            static name => new Value(name, ElementType.Float, null).ToProto()));
        lone.Output.AddRange(node.Output.Where(static name => name != "").Select(
            static name => new ValueInfoProto { Name = name }));
        return new(new ModelProto { IrVersion = IrVersion, Graph = lone, OpsetImport = { _model.OpsetImport } });
    }

    private IEnumerable<NodeProto> AllNodes() => NodesIn(_nodes.Select(static node => node.Proto))
        .Concat(_model.Functions.SelectMany(static function => NodesIn(function.Node)));

    private static IEnumerable<NodeProto> NodesIn(IEnumerable<NodeProto> nodes) => nodes.SelectMany(
        static node => Bodies.Of(node).SelectMany(static body => NodesIn(body.Node)).Prepend(node));

    private static string Plain(string domain) => domain == "ai.onnx" ? "" : domain;
}
