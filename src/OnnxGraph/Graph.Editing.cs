namespace OnnxGraph;

public sealed partial class Graph
{
    /// <summary>Adds a node behind all others.</summary>
    /// <exception cref="OnnxGraphException">A value of one of its output names exists already.</exception>
    public Node Append(Node node) => Place(node, _nodes.AddLast);

    /// <summary>Adds a node in front of all others.</summary>
    /// <inheritdoc cref="Append" path="/exception"/>
    public Node Prepend(Node node) => Place(node, _nodes.AddFirst);

    /// <summary>Adds a node right before another one.</summary>
    /// <inheritdoc cref="Append" path="/exception"/>
    public Node InsertBefore(Node next, Node node) =>
        Place(node, added => _nodes.AddBefore(PlaceOf(next), added));

    /// <summary>Adds a node right behind another one.</summary>
    /// <inheritdoc cref="Append" path="/exception"/>
    public Node InsertAfter(Node previous, Node node) =>
        Place(node, added => _nodes.AddAfter(PlaceOf(previous), added));

    /// <summary>Takes a node away; who reads its outputs is not looked at.</summary>
    public void Remove(Node node)
    {
        _nodes.Remove(PlaceOf(node));
        Forget(node);
        (node.Graph, node.Place) = (null, null);
    }

    /// <summary>Makes all nodes that read one value read another; outputs of the graph stay what they are.</summary>
    /// <param name="value">The value read until now.</param>
    /// <param name="replacement">The value to read from now on.</param>
    /// <param name="except">A node to leave alone, such as the one that computes the replacement from the
    /// value.</param>
    public void ReplaceUses(string value, string replacement, Node? except = null)
    {
        foreach (var node in Consumers(value).Where(node => node != except).ToArray())
        {
            Forget(node);
            node.RenameReads(value, replacement);
            Learn(node);
        }
    }

    /// <summary>Gives a value another name everywhere: where it is written, read (bodies included), declared,
    /// annotated.</summary>
    /// <exception cref="OnnxGraphException">The new name is taken.</exception>
    public void Rename(string value, string newName)
    {
        if (value == newName)
        {
            return;
        }

        RefuseTaken(newName);
        if (Producer(value) is { } producer)
        {
            producer.SetOutput(producer.Outputs.ToList().IndexOf(value), newName);
        }

        ReplaceUses(value, newName);
        foreach (var info in Proto.Input.Concat(Proto.Output).Where(info => info.Name == value))
        {
            info.Name = newName;
        }

        if (_types.Remove(value, out var type))
        {
            type.Name = newName;
            _types[newName] = type;
        }

        if (_initializers.Remove(value, out var tensor))
        {
            _initializers[newName] = tensor;
        }

        RenameInAnnotations(value, newName);
        _names.Add(newName);
    }

    /// <summary>Adds a constant under a name of its own.</summary>
    /// <param name="stem">The name, or the begin of it where it is taken.</param>
    /// <param name="tensor">The constant.</param>
    /// <returns>The name by which nodes read it.</returns>
    public string AddInitializer(string stem, Tensor tensor)
    {
        var name = FreshName(stem);
        _initializers.Add(name, tensor);
        ListInitializer(name, tensor);
        return name;
    }

    /// <summary>Puts another tensor in the place of an initializer.</summary>
    /// <exception cref="OnnxGraphException">There is no initializer of that name.</exception>
    public void SetInitializer(string name, Tensor tensor)
    {
        if (!_initializers.ContainsKey(name))
        {
            throw new OnnxGraphException($"The graph has no initializer '{name}'.");
        }

        _initializers[name] = tensor;
        foreach (var input in Proto.Input.Where(input => input.Name == name))
        {
            Find(name, tensor).WriteTypeTo(input);
        }
    }

    private static Value Find(string name, Tensor tensor) =>
        new(name, tensor.Type, [.. tensor.Shape.Select(size => (Dimension)size)]);

    private bool IsInput(string value) => Proto.Input.Any(input => input.Name == value);

    private Node Place(Node node, Func<Node, LinkedListNode<Node>> add)
    {
        if (node.Graph is not null)
        {
            throw new ArgumentException($"The node '{node}' belongs to a graph already.", nameof(node));
        }

        foreach (var output in node.Outputs.Where(_producers.ContainsKey))
        {
            throw new OnnxGraphException($"Two nodes write a value named '{output}'; names must be unique in a graph.");
        }

        (node.Place, node.Graph) = (add(node), this);
        Learn(node);
        return node;
    }

    private LinkedListNode<Node> PlaceOf(Node node) => node.Graph == this
        ? node.Place!
        : throw new ArgumentException($"The node '{node}' does not belong to this graph.", nameof(node));

    private void ListInitializer(string name, Tensor tensor)
    {
        if (IrVersion < 4 && !IsInput(name))
        {
            Proto.Input.Add(Find(name, tensor).ToProto());
        }
    }

    private void RenameInAnnotations(string value, string newName)
    {
        foreach (var annotation in Proto.QuantizationAnnotation)
        {
            annotation.TensorName = annotation.TensorName == value ? newName : annotation.TensorName;
            foreach (var entry in annotation.QuantParameterTensorNames.Where(entry => entry.Value == value))
            {
                entry.Value = newName;
            }
        }

        foreach (var sparse in Proto.SparseInitializer.Where(sparse => sparse.Values?.Name == value))
        {
            sparse.Values.Name = newName;
        }
    }
}
