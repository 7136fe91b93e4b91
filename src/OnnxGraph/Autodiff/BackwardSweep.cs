namespace OnnxGraph.Autodiff;

/// <summary>Walks the nodes between the seeds and the wanted values once, last first, and lets each one's rule hand its
/// gradient on to what it reads.</summary>
internal sealed class BackwardSweep
{
    private readonly Graph _graph;
    private readonly GradientRequest _request;
    private readonly ForwardFacts _facts;
    private readonly HashSet<string> _wanted;
    private readonly Dictionary<string, List<string>> _gradients = [];
    private readonly Dictionary<string, string> _constants = [];

    public BackwardSweep(Graph graph, GradientRequest request, ForwardFacts facts)
    {
        (_graph, _request, _facts) = (graph, request, facts);
        _wanted = Downstream(graph, request.WithRespectTo);
    }

    /// <summary>Finds a missing rule without having run the model; not every one.</summary>
    /// <remarks>Only along first inputs, which a gradient is sure to reach.</remarks>
    /// <exception cref="OnnxGraphException">There is one.</exception>
    public static void RefuseEarly(Graph graph, GradientRequest request)
    {
        var wanted = Downstream(graph, request.WithRespectTo);
        var seen = new HashSet<Node>();
        foreach (var seed in request.Seeds)
        {
            var node = graph.Producer(seed);
            while (node is not null && seen.Add(node) && node.Outputs.Any(wanted.Contains) && node.Inputs.Any(wanted.Contains))
            {
                VjpRules.For(node);
                node = node.Is("Where") ? null : graph.Producer(node.Inputs[0]);
            }
        }
    }

    public DifferentiatedGraph Append()
    {
        var nodes = _graph.InOrder().Reverse().ToArray();
        var seeds = _request.Seeds.Select(Seed).ToArray();
        foreach (var node in nodes)
        {
            if (node.Outputs.Any(_gradients.ContainsKey) && node.Reads.Any(_wanted.Contains))
            {
                VjpRules.For(node)(new Vjp(node, _graph, _facts, _request.Relu, _wanted, Take, Add, _constants));
            }
        }

        return new DifferentiatedGraph(_graph, seeds, [.. _request.WithRespectTo.Select(Output)]);
    }

    /// <summary>What depends on the wanted values in a way that can be differentiated, themselves included.</summary>
    private static HashSet<string> Downstream(Graph graph, IEnumerable<string> values)
    {
        var wanted = values.ToHashSet();
        foreach (var node in graph.InOrder().Where(node => node.Reads.Any(wanted.Contains)))
        {
            wanted.UnionWith(VjpRules.Smooth(node));
        }

        return wanted;
    }

    private string Seed(string value)
    {
        var name = _graph.FreshName(value + "_seed");
        _graph.AddInput(new Value(name, GradientType(value), _facts.Dimensions(value)));
        Add(value, name);
        return name;
    }

    private void Add(string value, string gradient)
    {
        if (!_gradients.TryGetValue(value, out var gradients))
        {
            _gradients[value] = gradients = [];
        }

        gradients.Add(gradient);
    }

    /// <summary>The whole gradient of a value, once all its readers have handed theirs on; null: zero.</summary>
    private string? Take(string value)
    {
        if (!_gradients.TryGetValue(value, out var gradients))
        {
            return null;
        }

        if (gradients.Count > 1)
        {
            var sum = _graph.FreshName(value + "_gradient_sum");
            _graph.Append(new("Sum", gradients, [sum]));
            _gradients[value] = gradients = [sum];
        }

        return gradients[0];
    }

    private string Output(string value)
    {
        var name = _graph.FreshName(value + "_gradient");
        var type = GradientType(value);
        if (Take(value) is { } gradient)
        {
            _graph.Append(new("Identity", [gradient], [name]));
        }
        else
        {
            // No way leads from the seeds to here.
            var cast = _graph.FreshName(name);
            _graph.Append(new("Cast", [value], [cast], ("to", (long)type)));
            _graph.Append(new("Sub", [cast, cast], [name]));
        }

        _graph.AddOutput(new Value(name, type, _facts.Dimensions(value)));
        return name;
    }

    /// <summary>An integer input, such as a picture of bytes, has a gradient of floats.</summary>
    private ElementType GradientType(string value) =>
        _facts.Type(value) == ElementType.Double ? ElementType.Double : ElementType.Float;
}
