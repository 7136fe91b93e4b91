namespace OnnxGraph;

/// <summary>Puts every node behind those whose values it reads, and changes as little as it can.</summary>
internal static class TopologicalOrder
{
    /// <summary>Sorts the nodes depth-first, in O(nodes + uses); an order that is right already stays as it
    /// is.</summary>
    public static void Restore(LinkedList<Node> nodes, Func<string, Node?> producer)
    {
        var sorted = new List<Node>(nodes.Count);
        var state = new Dictionary<Node, bool>(nodes.Count);        // false: on the way, true: placed
        var path = new Stack<Node>();
        foreach (var root in nodes)
        {
            path.Push(root);
            while (path.TryPeek(out var node))
            {
                if (state.TryAdd(node, false))
                {
                    foreach (var needed in node.Reads.Select(producer).OfType<Node>().Reverse())
                    {
                        Visit(needed, state, path);
                    }
                }
                else
                {
                    path.Pop();
                    if (!state[node])
                    {
                        state[node] = true;
                        sorted.Add(node);
                    }
                }
            }
        }

        if (!sorted.SequenceEqual(nodes))
        {
            nodes.Clear();
            sorted.ForEach(node => node.Place = nodes.AddLast(node));
        }
    }

    private static void Visit(Node node, Dictionary<Node, bool> state, Stack<Node> path)
    {
        if (!state.TryGetValue(node, out var placed))
        {
            path.Push(node);
        }
        else if (!placed)
        {
            throw new OnnxGraphException(
                $"The graph has a cycle: the node '{node}' reads what is computed from its own result.");
        }
    }
}
