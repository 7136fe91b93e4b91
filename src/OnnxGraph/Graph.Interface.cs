using OnnxGraph.Proto;

namespace OnnxGraph;

public sealed partial class Graph
{
    /// <summary>Adds an input that the caller must feed, behind the others.</summary>
    /// <exception cref="OnnxGraphException">A value of that name exists already.</exception>
    public void AddInput(Value input)
    {
        RefuseTaken(input.Name);
        Proto.Input.Add(input.ToProto());
        _names.Add(input.Name);
    }

    /// <summary>Takes an input away.</summary>
    /// <exception cref="OnnxGraphException">There is no such input, or a node still reads it.</exception>
    public void RemoveInput(string name)
    {
        var input = DeclaredInput(name);
        if (Consumers(name).FirstOrDefault() is { } reader)
        {
            throw new OnnxGraphException($"The input '{name}' cannot be removed: the node '{reader}' reads it.");
        }

        Proto.Input.Remove(input);
    }

    /// <summary>Makes a value of the graph an output, behind the others; its declared type is used where there is
    /// one.</summary>
    /// <exception cref="OnnxGraphException">It is an output already.</exception>
    public void AddOutput(string value) => AddOutput(Find(value) ?? new(value, ElementType.Undefined, null));

    /// <summary>Makes a value of the graph an output, behind the others, and declares its type.</summary>
    /// <exception cref="OnnxGraphException">It is an output already.</exception>
    public void AddOutput(Value output)
    {
        if (IsOutput(output.Name))
        {
            throw new OnnxGraphException($"'{output.Name}' is an output of the graph already.");
        }

        _types.Remove(output.Name);
        Proto.Output.Add(output.Type == ElementType.Undefined ? new() { Name = output.Name } : output.ToProto());
    }

    /// <summary>Makes an output an inner value again; what computes it stays until <see cref="Prune"/>.</summary>
    /// <exception cref="OnnxGraphException">There is no such output.</exception>
    public void RemoveOutput(string name)
    {
        var output = Proto.Output.FirstOrDefault(output => output.Name == name)
            ?? throw new OnnxGraphException($"The graph has no output '{name}', only {Names(Outputs)}.");
        Proto.Output.Remove(output);
        if (output.Type is not null)
        {
            _types[name] = output;
        }
    }

    /// <summary>Declares the type and shape of an input, an output or an inner value anew.</summary>
    public void Declare(Value value)
    {
        var declared = Proto.Input.Concat(Proto.Output).Where(info => info.Name == value.Name).ToArray();
        if (declared.Length == 0)
        {
            _types[value.Name] = value.ToProto();
        }

        foreach (var info in declared)
        {
            value.WriteTypeTo(info);
        }
    }

    /// <summary>Forgets what the file says of inner values; for edits after which it would no longer be true.</summary>
    public void ForgetInnerShapes() => _types.Clear();

    /// <summary>Turns an input into a constant, so that the caller need not feed it any more.</summary>
    /// <param name="input">An input of the graph, such as <c>orig_target_sizes</c>.</param>
    /// <param name="tensor">The constant; its type and fixed dimensions must be the input's.</param>
    /// <exception cref="OnnxGraphException">There is no such input, or the tensor does not fit it.</exception>
    public void Bind(string input, Tensor tensor)
    {
        var info = DeclaredInput(input);
        var declared = Value.From(info);
        static bool Fits(Dimension dimension, long size) => !dimension.IsFixed || dimension.Size == size;
        var fits = declared.Shape is null || (declared.Shape.Count == tensor.Shape.Count
            && declared.Shape.Zip(tensor.Shape, Fits).All(fit => fit));
        if (declared.Type != tensor.Type || !fits)
        {
            throw new OnnxGraphException($"The input '{declared}' cannot be bound to a tensor of {tensor}.");
        }

        Proto.Input.Remove(info);
        _initializers.Add(input, tensor);
        ListInitializer(input, tensor);
    }

    /// <summary>Removes what no output needs: nodes, then initializers and declared types; inputs stay.</summary>
    /// <returns>How many nodes went.</returns>
    public int Prune()
    {
        var needed = new HashSet<Node>();
        var pending = new Stack<string>(Proto.Output.Select(output => output.Name));
        while (pending.TryPop(out var value))
        {
            if (Producer(value) is { } node && needed.Add(node))
            {
                foreach (var read in node.Reads)
                {
                    pending.Push(read);
                }
            }
        }

        var dead = _nodes.Where(node => !needed.Contains(node)).ToArray();
        Array.ForEach(dead, Remove);
        KeepUsed();
        return dead.Length;
    }

    private static string Names(IEnumerable<Value> values) =>
        string.Join(", ", values.Select(value => $"'{value.Name}'"));

    private void KeepUsed()
    {
        bool IsUsed(string value) => _consumers.ContainsKey(value) || IsOutput(value);
        var used = _initializers.Where(initializer => IsUsed(initializer.Key)).ToArray();
        var unused = _initializers.Keys.Where(name => !IsUsed(name)).ToHashSet();
        _initializers.Clear();
        foreach (var (name, tensor) in used)
        {
            _initializers.Add(name, tensor);
        }

        Keep(Proto.Input, input => !unused.Contains(input.Name));
        Keep(Proto.SparseInitializer, sparse => IsUsed(sparse.Values?.Name ?? ""));
        Keep(Proto.QuantizationAnnotation, annotation => IsUsed(annotation.TensorName));
        bool IsGone(string value) => !_producers.ContainsKey(value) && !_consumers.ContainsKey(value);
        foreach (var name in _types.Keys.Where(IsGone).ToArray())
        {
            _types.Remove(name);
        }
    }

    private static void Keep<T>(Google.Protobuf.Collections.RepeatedField<T> items, Func<T, bool> keep)
    {
        var kept = items.Where(keep).ToArray();
        items.Clear();
        items.AddRange(kept);
    }

    private ValueInfoProto DeclaredInput(string name)
    {
        return Proto.Input.FirstOrDefault(input => input.Name == name && !_initializers.ContainsKey(name))
            ?? throw new OnnxGraphException($"The graph has no input '{name}', only {Names(Inputs)}.");
    }
}
