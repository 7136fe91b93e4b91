namespace OnnxGraph.Batching;

/// <summary>Follows the batch from an input through all nodes, and collects the edits that a larger batch
/// needs.</summary>
internal sealed class BatchAnalysis(Graph graph)
{
    private readonly Dictionary<string, Fact> _facts = [];
    private readonly List<Action> _edits = [];

    public Graph Graph => graph;

    /// <summary>Walks the graph and says whether every output is batched; changes nothing.</summary>
    public bool Follow(Value input)
    {
        _facts[input.Name] = new(true, [.. input.Shape!.Select(dimension => dimension.Size ?? Fact.Unknown)]);
        try
        {
            if (!graph.InOrder().All(TryFollow))
            {
                return false;
            }
        }
        catch (Exception error) when (error is ArgumentException or IndexOutOfRangeException or InvalidOperationException)
        {
            return false;                       // a node breaks its operator's contract: the runtime will say how
        }

        return graph.Outputs.All(output => _facts.TryGetValue(output.Name, out var fact) && fact.IsBatched);
    }

    /// <summary>Makes the edits and declares the symbol on all batched values.</summary>
    public void Apply(string symbol)
    {
        _edits.ForEach(edit => edit());
        foreach (var value in graph.DeclaredValues.Where(value => value.Shape is { Count: > 0 }).ToArray())
        {
            if (_facts.TryGetValue(value.Name, out var fact) && fact.IsBatched)
            {
                graph.Declare(value with { Shape = [symbol, .. value.Shape!.Skip(1)] });
            }
        }
    }

    /// <summary>What is known of a value; null for none, or for one that nothing is known of.</summary>
    public Fact? FactOf(string value)
    {
        if (!_facts.TryGetValue(value, out var fact) && value != "" && graph.Constant(value) is { } tensor)
        {
            _facts[value] = fact = Fact.Of(tensor);
        }

        return fact;
    }

    /// <summary>The edit of a Reshape whose target names the batch as 1: 0 keeps what the input has.</summary>
    public void RetargetReshape(Node node, long[] target)
    {
        var open = Tensor.Of([0, .. target[1..]]);
        _edits.Add(() => node.SetInput(1, graph.AddInitializer($"{node.Inputs[1]}_batched", open)));
    }

    /// <summary>The edit of a Resize whose sizes name the batch as 1: the first size is read from the input.</summary>
    public void RetargetResize(Node node, long[] sizes)
    {
        _edits.Add(() =>
        {
            var stem = node.Outputs[0];
            string Constant(params long[] numbers) => graph.AddInitializer($"{stem}_sizes", Tensor.Of(numbers));
            string Insert(string opType, string[] inputs)
            {
                var added = graph.InsertBefore(node, new(opType, inputs, [graph.FreshName($"{stem}_{opType}")]));
                return added.Outputs[0];
            }

            var batch = Insert("Slice", [Insert("Shape", [node.Inputs[0]]), Constant(0), Constant(1)]);
            var all = Insert("Concat", [batch, Constant(sizes[1..])]);
            graph.Producer(all)!.Set("axis", 0);
            node.SetInput(3, all);
        });
    }

    private bool TryFollow(Node node)
    {
        if (node.Is("Constant"))
        {
            return true;                                            // read where it is used
        }

        var inputs = node.Inputs.Select(FactOf).ToArray();
        var isBatched = inputs.Any(input => input?.IsBatched ?? false);
        if (Bodies.Of(node.Proto).Any() || node.Domain != "")
        {
            return false;
        }

        var fact = ShapeNumbers.TryFollow(node, inputs);
        var isSized = inputs.Any(input => input?.HoldsBatchSize ?? false);
        var areKnown = inputs.Zip(node.Inputs).All(input => input.First is not null || input.Second == "");
        if (fact is null && areKnown && (!isSized || BatchRules.TakesSizes(node)))
        {
            fact = BatchRules.TryFollow(node, inputs, this);
        }

        if (fact is null && (isBatched || isSized))
        {
            return false;
        }

        foreach (var output in node.Outputs.Where(output => output != ""))
        {
            // A constant of unknown shape is no harm until someone needs the shape.
            _facts[output] = fact ?? new(false, null);
        }

        return true;
    }
}
