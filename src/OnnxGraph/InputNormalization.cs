namespace OnnxGraph;

/// <summary>Moves the preparation of pixels into the graph: its input becomes bytes, planar RGB.</summary>
/// <remarks>A quarter of the bytes to queue, copy and upload, and no arithmetic on the caller's side.</remarks>
public static class InputNormalization
{
    private const int OldestOpset = 7;

    /// <summary>Gives a picture input the form uint8 <c>[N, C, H, W]</c>, C being 3 (RGB) or 1 (grey), under the same
    /// name.</summary>
    /// <param name="graph">The graph, changed in place.</param>
    /// <param name="inputName">The input: <c>[N, C, H, W]</c>, <c>[N, H, W, C]</c>, or the same without N, which then
    /// becomes
    /// 1. Its declared sizes and symbols are kept.</param>
    /// <param name="normalization">What the model wants. Where the input holds bytes already, only order, layout and
    /// inversion apply: scale, mean and std are ignored.</param>
    /// <remarks>Added in this order, each only where needed: Cast to float, Gather to swap the channels, one Mul and
    /// one Add per
    /// channel in float32, Cast to the model's type, Transpose to its layout, Squeeze of the batch axis.</remarks>
    /// <exception cref="OnnxGraphException">There is no such input, it is no picture, or the opset is below
    /// 7.</exception>
    public static void Fuse(Graph graph, string inputName, PixelNormalization normalization)
    {
        var input = graph.Inputs.FirstOrDefault(input => input.Name == inputName)
            ?? throw new OnnxGraphException($"The graph has no input '{inputName}' that a caller feeds.");
        if (graph.IsOutput(inputName))
        {
            throw new OnnxGraphException($"The input '{inputName}' is an output as well; it cannot be rewritten.");
        }

        if (graph.OpsetVersion < OldestOpset)
        {
            throw new OnnxGraphException(
                $"The model uses opset {graph.OpsetVersion}; its input can be rewritten from {OldestOpset} on.");
        }

        var picture = PictureShape.Of(input, normalization.Layout);
        var values = picture.Channels == 3 || normalization.Mean.Count + normalization.Std.Count <= 2
            ? normalization
            : throw new OnnxGraphException($"The input '{input}' has one channel; the normalisation names several.");
        var bytes = input.Type == ElementType.UInt8
            ? new PixelNormalization { Order = values.Order, Invert = values.Invert }
            : values;

        // 1. The old input becomes an inner value, written by what is added in front.
        var first = graph.Nodes.FirstOrDefault();
        var prepared = graph.FreshName(inputName + "_prepared");
        graph.ReplaceUses(inputName, prepared);
        graph.Declare(new(inputName, ElementType.UInt8, picture.AsPlanes));

        // 2. The nodes, in the order of the remarks; the last one writes the value that the model reads.
        var chain = new NodeChain(graph, first, inputName);
        Normalize(chain, picture.Channels, bytes, input.Type);
        if (picture.Layout == TensorLayout.Interleaved)
        {
            chain.Add("Transpose", [], ("perm", new long[] { 0, 2, 3, 1 }));
        }

        if (!picture.HasBatch)
        {
            chain.Squeeze(axis: 0);
        }

        chain.End(prepared);
    }

    private static void Normalize(NodeChain chain, int channels, PixelNormalization normalization, ElementType type)
    {
        var swap = channels == 3 && normalization.Order == ChannelOrder.Bgr;
        var arithmetic = Enumerable.Range(0, channels).Select(normalization.ForChannel).ToArray();
        var multiply = arithmetic.Any(channel => channel.Factor != 1);
        var add = arithmetic.Any(channel => channel.Bias != 0);
        var current = ElementType.UInt8;
        if (type != ElementType.UInt8 || multiply || add)
        {
            chain.Cast(current = ElementType.Float);
        }

        if (swap)
        {
            chain.Add("Gather", [Tensor.Of([2L, 1L, 0L])], ("axis", 1));
        }

        if (multiply)
        {
            chain.Add("Mul", [Tensor.Of(Array.ConvertAll(arithmetic, channel => channel.Factor), 1, channels, 1, 1)]);
        }

        if (add)
        {
            chain.Add("Add", [Tensor.Of(Array.ConvertAll(arithmetic, channel => channel.Bias), 1, channels, 1, 1)]);
        }

        if (current != type)
        {
            chain.Cast(type);
        }
    }

    /// <summary>Nodes added one behind the other, each reading what the one before has written.</summary>
    private sealed class NodeChain(Graph graph, Node? next, string input)
    {
        private string? _value;
        private Node? _last;

        public void Add(string opType, Tensor[] constants, params ReadOnlySpan<(string Name, AttributeValue Value)> attributes)
        {
            var output = graph.FreshName($"{input}_{opType}");
            var names = constants.Select(constant => graph.AddInitializer($"{input}_{opType}_constant", constant));
            _last = new(opType, [_value ?? input, .. names], [output], attributes) { Name = output };
            _ = next is null ? graph.Append(_last) : graph.InsertBefore(next, _last);
            _value = output;
        }

        public void Cast(ElementType type) => Add("Cast", [], ("to", (long)type));

        public void Squeeze(long axis)
        {
            // The axes were an attribute until opset 12.
            if (graph.OpsetVersion < 13)
            {
                Add("Squeeze", [], ("axes", new[] { axis }));
            }
            else
            {
                Add("Squeeze", [Tensor.Of([axis])]);
            }
        }

        public void End(string output)
        {
            if (_last is null)
            {
                Add("Identity", []);
            }

            _last!.SetOutput(0, output);
        }
    }
}
