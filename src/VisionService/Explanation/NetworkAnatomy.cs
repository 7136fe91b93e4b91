using OnnxGraph;
using OnnxGraph.Autodiff;
using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>A value that a node computes.</summary>
/// <param name="Name">The value's name in the graph.</param>
/// <param name="Operator">What computes it.</param>
/// <param name="Shape">Of one run with one image, batch axis included.</param>
/// <param name="Grid">How it lies over the input; null where it does not.</param>
internal sealed record Layer(string Name, string Operator, IReadOnlyList<long> Shape, LayerGrid? Grid);

/// <summary>What a network is made of, as far as explaining needs it: layers, where its heads begin, and the scores
/// before the last squashing.</summary>
internal sealed class NetworkAnatomy
{
    // What only moves, scales or pools values: an activation is looked for before it.
    private static readonly HashSet<string> Linear =
    [
        "Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "MaxPool", "AveragePool", "GlobalAveragePool", "Pad", "Reshape",
        "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Dropout", "Identity", "Cast", "Resize", "Upsample", "Slice", "Split", "Gather",
        "QuantizeLinear", "DequantizeLinear", "LRN", "LayerNormalization", "InstanceNormalization", "DepthToSpace", "SpaceToDepth",
    ];

    private static readonly HashSet<string> Squashing = ["Softmax", "Sigmoid", "HardSigmoid", "LogSoftmax"];

    private static readonly HashSet<string> Moving =
        ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Cast", "Dropout", "QuantizeLinear", "DequantizeLinear"];

    // What a pixel's preparation is made of.
    private static readonly HashSet<string> Preparing =
        ["Cast", "Mul", "Add", "Sub", "Div", "Gather", "Transpose", "Squeeze", "Unsqueeze", "Identity", "QuantizeLinear", "DequantizeLinear"];

    // Of a detector's scale: behind a lone 1 x 1 convolution a box depends on one cell, which shows that it is there and nothing else.
    private const long MinReach = 3;

    private readonly Graph _graph;
    private readonly Node[] _nodes;
    private readonly IReadOnlyDictionary<string, ProbedValue> _values;
    private readonly Dictionary<string, Layer> _layers = [];
    private readonly HashSet<string> _pixels;
    private readonly DominatorTree _dominators;

    /// <param name="graph">With its nodes in order.</param>
    /// <param name="image">The input that takes the image.</param>
    /// <param name="values">What a run with one image gave.</param>
    public NetworkAnatomy(Graph graph, string image, ModelInput input, IReadOnlyDictionary<string, ProbedValue> values)
    {
        (_graph, _nodes, _values, _pixels) = (graph, [.. graph.Nodes], values, [image]);
        _dominators = new DominatorTree(_nodes, image, ReadsElements);
        foreach (var node in _nodes)
        {
            var isPreparing = node.Domain == "" && Preparing.Contains(node.OpType)
                && node.Inputs.Where(_dominators.Contains).All(_pixels.Contains);
            foreach (var value in node.Outputs.Where(_dominators.Contains))
            {
                if (isPreparing)
                {
                    _pixels.Add(value);
                }

                if (values.GetValueOrDefault(value) is { Type: ElementType.Float or ElementType.Float16 or ElementType.Double } probed)
                {
                    _layers[value] = new Layer(value, node.OpType, probed.Shape, LayerGrid.Of(probed.Shape, input));
                }
            }
        }
    }

    /// <summary>Everything that depends on the image, in the order in which it is computed.</summary>
    public IReadOnlyCollection<Layer> Layers => _layers.Values;

    /// <summary>Whether the network computes in less than 32 bits, so that the same run optimised in another way gives
    /// other scores.</summary>
    public bool IsCoarse => _nodes.Any(node => node.OpType.Contains("Quantize", StringComparison.Ordinal))
        || _values.Values.Any(value => value.Type == ElementType.Float16);

    /// <summary>The layer of that name, or the one that a node of that name computes; null where there is
    /// none.</summary>
    public Layer? Find(string name) => _layers.GetValueOrDefault(name)
        ?? _nodes.Where(node => node.Name == name && node.Outputs.Count > 0)
            .Select(node => _layers.GetValueOrDefault(node.Outputs[0])).FirstOrDefault();

    /// <summary>The scores before a final softmax, sigmoid or quantisation, all of which have no slope left where they
    /// are sure; the value itself where none ends it.</summary>
    public string Logits(string score)
    {
        var (logits, value, isSquashed) = (score, score, false);
        while (_graph.Producer(value) is { Domain: "" } node)
        {
            var squashes = Squashing.Contains(node.OpType);
            if ((squashes && isSquashed) || !(squashes || Moving.Contains(node.OpType)))
            {
                break;
            }

            value = node.Inputs[0];
            isSquashed |= squashes;
            logits = squashes || node.OpType == "QuantizeLinear" ? value : logits;
        }

        return logits;
    }

    /// <summary>The last activation over the picture before everything becomes scores; null where there is
    /// none.</summary>
    /// <remarks>Of a vision transformer, what the last attention reads: behind it, cells that the head does not look
    /// at get no gradient.</remarks>
    public Layer? BeforeHead(string score) => FirstActivation(_dominators.Above([score])) is { } last
        ? last.Grid!.Layout == GridLayout.Tokens ? BeforeLastAttention(score) ?? last : last
        : null;

    /// <summary>Of a detector, for each of its scales the last activation that all numbers of that scale depend on; in
    /// the order in which they are computed.</summary>
    public IReadOnlyList<Layer> BeforeHeads(IEnumerable<string> outputs)
    {
        var ancestors = Ancestors(outputs);
        var leads = LeadsToGrid();

        // 1. Where the picture's grid is left for good: that is the end of a scale's head.
        var ends = _nodes.Where(node => ReadsElements(node) && ancestors.Contains(node.Outputs.FirstOrDefault(""))
                && node.Outputs.All(output => !IsPlanar(output) && !leads.Contains(output)))
            .SelectMany(node => node.Inputs)
            .Concat(outputs)
            .Where(IsPlanar)
            .Distinct()
            .GroupBy(value => (_layers[value].Grid!.Height, _layers[value].Grid!.Width));

        // 2. What all ends of a scale have in common, and a cell of the end sees enough of to show where in the object it looks.
        var common = ends.Select(scale =>
        {
            var above = _dominators.Above(scale).Where(IsPlanar).ToArray();
            var reach = Reach(scale);
            return (FirstActivation(above.Where(value => reach.GetValueOrDefault(value) >= MinReach)) ?? FirstActivation(above))?.Name;
        }).ToHashSet();
        return [.. _layers.Values.Where(layer => common.Contains(layer.Name))];
    }

    /// <summary>Of a network that answers with a map, the last activation at its lowest resolution.</summary>
    public Layer? Bottleneck(string map)
    {
        var ancestors = Ancestors([map]);
        var grids = _layers.Values.Where(layer => ancestors.Contains(layer.Name) && layer.Grid is not null && IsActivation(layer)).ToArray();
        return grids.Length == 0 ? null
            : grids.Where(layer => Cells(layer) == grids.Min(Cells)).Last();

        static int Cells(Layer layer) => layer.Grid!.Height * layer.Grid.Width;
    }

    private static bool ReadsElements(Node node) => !node.Is("Shape") && !node.Is("Size");

    private static bool IsPlain(Node node, params ReadOnlySpan<string> operators) => node.Domain == "" && operators.Contains(node.OpType);

    private bool IsPlanar(string value) => _layers.GetValueOrDefault(value)?.Grid is { Layout: not GridLayout.Tokens };

    private Layer? FirstActivation(IEnumerable<string> values)
    {
        var grids = values.Where(value => !_pixels.Contains(value)).Select(value => _layers.GetValueOrDefault(value))
            .Where(layer => layer?.Grid is not null).ToArray();
        return grids.FirstOrDefault(layer => IsActivation(layer!)) ?? grids.FirstOrDefault();
    }

    /// <summary>Whether it is not just a linear step on the way to one. A quantiser whose lowest value is zero clips
    /// like a ReLU, which exporters therefore leave out.</summary>
    private bool IsActivation(Layer layer) => !Linear.Contains(layer.Operator)
        || (_graph.Producer(layer.Name) is { } node && node.Is("DequantizeLinear") && node.Inputs.Count > 2
            && _graph.Constant(node.Inputs[2]) is { Type: ElementType.UInt8 } zero && zero.ToInt64s() is [0]);

    private Layer? BeforeLastAttention(string score)
    {
        var ancestors = Ancestors([score]);
        var attention = _nodes.LastOrDefault(node => node.Is("Softmax") && ancestors.Contains(node.Outputs[0]) && node.Outputs[0] != score
            && _values.GetValueOrDefault(node.Outputs[0])?.Shape is [_, _, var from, var to] && from > 1 && to > 1);
        if (attention is null)
        {
            return null;
        }

        // What queries and keys have in common, past the projections that make them.
        return _dominators.Above(attention.Outputs)
            .Select(value => _layers.GetValueOrDefault(value))
            .FirstOrDefault(layer => layer?.Grid is { Layout: GridLayout.Tokens } && !IsProjection(layer));
    }

    private bool IsProjection(Layer layer) => _graph.Producer(layer.Name) is { } node
        && (IsPlain(node, "MatMul", "Gemm", "Reshape", "Transpose", "Split", "Slice", "Gather", "Squeeze", "Unsqueeze", "Pad", "Concat")
            || (node.Is("Add") && node.Inputs.Any(input => _graph.Producer(input) is { } other && IsPlain(other, "MatMul", "Gemm"))
                && node.Inputs.Any(input => _graph.Constant(input) is not null)));

    /// <summary>How many cells in a row, of each value, a cell of the ends depends on. Strides are left out: within a head there are
    /// none.</summary>
    private Dictionary<string, long> Reach(IEnumerable<string> ends)
    {
        var reach = ends.ToDictionary(static end => end, static _ => 1L);
        foreach (var node in _nodes.Reverse())
        {
            if (Longest(node.Outputs.Select(output => reach.GetValueOrDefault(output)), 0) is > 0 and var cells)
            {
                var read = cells + ((Longest(Kernel(node), 1) - 1) * Longest(node.Ints("dilations"), 1));
                foreach (var input in node.Inputs.Where(_dominators.Contains))
                {
                    reach[input] = Math.Max(reach.GetValueOrDefault(input), read);
                }
            }
        }

        return reach;

        static long Longest(IEnumerable<long>? sides, long absent) => sides?.DefaultIfEmpty(absent).Max() ?? absent;
    }

    /// <summary>The sides of what slides over the grid; null where nothing does.</summary>
    private IEnumerable<long>? Kernel(Node node) => node.Ints("kernel_shape")
        ?? (IsPlain(node, "Conv", "ConvTranspose") ? _graph.Constant(node.Inputs[1])?.Shape.Skip(2) : null);

    private HashSet<string> Ancestors(IEnumerable<string> values)
    {
        var found = values.ToHashSet();
        foreach (var node in _nodes.Reverse().Where(node => node.Outputs.Any(found.Contains)))
        {
            found.UnionWith(node.Inputs.Concat(node.Captures));
        }

        return found;
    }

    /// <summary>The values from which a way leads to a layer that is planar: squeeze-and-excitation leaves the grid
    /// and comes back.</summary>
    private HashSet<string> LeadsToGrid()
    {
        var leads = new HashSet<string>();
        foreach (var node in _nodes.Reverse().Where(node => node.Outputs.Any(output => IsPlanar(output) || leads.Contains(output))))
        {
            leads.UnionWith(node.Inputs);
        }

        return leads;
    }
}
