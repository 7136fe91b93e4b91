using OnnxGraph.Proto;

namespace OnnxGraph;

/// <summary>The graphs inside nodes: what they read from outside, and how a value is renamed in there.</summary>
internal static class Bodies
{
    /// <summary>The bodies that a node holds directly.</summary>
    public static IEnumerable<GraphProto> Of(NodeProto node)
    {
        foreach (var attribute in node.Attribute)
        {
            if (attribute.G is not null)
            {
                yield return attribute.G;
            }

            foreach (var graph in attribute.Graphs)
            {
                yield return graph;
            }
        }
    }

    /// <summary>The outer values that a node's bodies read, at any depth.</summary>
    public static HashSet<string> CapturesOf(NodeProto node)
    {
        var captures = new HashSet<string>();
        foreach (var body in Of(node))
        {
            var inner = Defined(body).ToHashSet();
            var read = body.Node.SelectMany(child => child.Input.Concat(CapturesOf(child)))
                .Concat(body.Output.Select(output => output.Name));
            captures.UnionWith(read.Where(name => name != "" && !inner.Contains(name)));
        }

        return captures;
    }

    /// <summary>Every name that a node's bodies define or read, at any depth: a new value must have none of
    /// them.</summary>
    public static IEnumerable<string> NamesIn(NodeProto node, bool definedOnly = false)
    {
        return Of(node).SelectMany(body => Defined(body).Concat(body.Node.SelectMany(child =>
            (definedOnly ? [] : child.Input).Concat(NamesIn(child, definedOnly)))));
    }

    /// <summary>Renames an outer value in a node's bodies, but not where a body has a value of its own by that
    /// name.</summary>
    public static void RenameCapture(NodeProto node, string oldName, string newName)
    {
        foreach (var body in Of(node).Where(body => !Defined(body).Contains(oldName)))
        {
            foreach (var child in body.Node)
            {
                for (var i = 0; i < child.Input.Count; i++)
                {
                    if (child.Input[i] == oldName)
                    {
                        child.Input[i] = newName;
                    }
                }

                RenameCapture(child, oldName, newName);
            }

            foreach (var output in body.Output.Where(output => output.Name == oldName))
            {
                output.Name = newName;
            }
        }
    }

    private static IEnumerable<string> Defined(GraphProto body)
    {
        return body.Input.Select(input => input.Name)
            .Concat(body.Initializer.Select(initializer => initializer.Name))
            .Concat(body.SparseInitializer.Select(initializer => initializer.Values?.Name ?? ""))
            .Concat(body.Node.SelectMany(node => node.Output));
    }
}
