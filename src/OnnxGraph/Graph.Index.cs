namespace OnnxGraph;

/// <content>The index of who writes and who reads a value: a node is forgotten before it changes, and learnt
/// after.</content>
public sealed partial class Graph
{
    internal void Learn(Node node)
    {
        foreach (var output in node.Outputs.Where(output => output != ""))
        {
            _producers[output] = node;
            _names.Add(output);
        }

        foreach (var value in node.Reads)
        {
            _names.Add(value);
            if (!_consumers.TryGetValue(value, out var consumers))
            {
                _consumers[value] = consumers = [];
            }

            consumers.Add(node);
        }

        if (Bodies.Of(node.Proto).Any())
        {
            _withBodies.Add(node);
            _names.UnionWith(Bodies.NamesIn(node.Proto));
        }
    }

    internal void Forget(Node node)
    {
        _withBodies.Remove(node);
        foreach (var output in node.Outputs.Where(output => _producers.GetValueOrDefault(output) == node))
        {
            _producers.Remove(output);
        }

        foreach (var value in node.Reads)
        {
            if (_consumers.TryGetValue(value, out var consumers) && consumers.Remove(node) && consumers.Count == 0)
            {
                _consumers.Remove(value);
            }
        }
    }

    internal void RefuseTaken(string value, Node? except = null)
    {
        var producer = Producer(value);
        if ((producer is not null && producer != except) || _initializers.ContainsKey(value) || IsInput(value)
            || _withBodies.Any(node => Bodies.NamesIn(node.Proto, definedOnly: true).Contains(value)))
        {
            throw new OnnxGraphException($"The graph has a value named '{value}' already.");
        }
    }
}
