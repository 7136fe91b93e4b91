namespace OnnxGraph.Autodiff;

/// <summary>Weights stored as integers behind a <c>DequantizeLinear</c>.</summary>
public static class Quantization
{
    /// <summary>Replaces each by the floats it stands for, so that rules find constants.</summary>
    /// <remarks>Also constant floats that are quantised and dequantised in the graph: they are rounded now.</remarks>
    public static void FoldWeights(Graph graph)
    {
        foreach (var node in graph.Nodes.Where(node => node.Is("DequantizeLinear")).ToArray())
        {
            if (!graph.IsOutput(node.Outputs[0]) && Dequantized(graph, node) is { } weights)
            {
                var (value, quantized) = (node.Outputs[0], graph.Producer(node.Inputs[0]));
                graph.Remove(node);
                graph.ReplaceUses(value, graph.AddInitializer(value, weights));
                if (quantized is not null && graph.Consumers(quantized.Outputs[0]).Count == 0)
                {
                    graph.Remove(quantized);
                }
            }
        }
    }

    private static Tensor? Dequantized(Graph graph, Node node)
    {
        if (Scaling.Of(graph, node) is not { } scaling || Integers(graph, node.Inputs[0]) is not { } integers)
        {
            return null;
        }

        var numbers = integers.ToFloats();
        var place = scaling.Over(node, integers.Shape);
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = (numbers[i] - scaling.ZeroPoint(place(i))) * scaling.Scale[place(i)];
        }

        return Shaped(numbers, integers);
    }

    /// <summary>A constant of integers; null: it is none, or of a type that cannot be read.</summary>
    private static Tensor? Integers(Graph graph, string value) => graph.Constant(value) is { } tensor
        ? IsReadable(tensor.Type) ? tensor : null
        : graph.Producer(value) is { } node && node.Is("QuantizeLinear") && !graph.IsOutput(value)
            ? Quantized(graph, node)
            : null;

    private static bool IsReadable(ElementType type) =>
        type is ElementType.UInt8 or ElementType.Int8 or ElementType.UInt16 or ElementType.Int16 or ElementType.Int32;

    /// <summary>The integers, held as floats.</summary>
    private static Tensor? Quantized(Graph graph, Node node)
    {
        if (Scaling.Of(graph, node) is not { } scaling
            || graph.Constant(node.Inputs[0]) is not { Type: ElementType.Float } weights
            || Range(scaling.Type ?? (ElementType)node.Int("output_dtype", (long)ElementType.UInt8)) is not { } range)
        {
            return null;
        }

        var numbers = weights.ToFloats();
        var place = scaling.Over(node, weights.Shape);
        for (var i = 0; i < numbers.Length; i++)
        {
            var rounded = MathF.Round(numbers[i] / scaling.Scale[place(i)], MidpointRounding.ToEven);
            numbers[i] = Math.Clamp(rounded + scaling.ZeroPoint(place(i)), range.Low, range.High);
        }

        return Shaped(numbers, weights);
    }

    private static (int Low, int High)? Range(ElementType type) => type switch
    {
        ElementType.UInt8 => (0, byte.MaxValue),
        ElementType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        ElementType.UInt16 => (0, ushort.MaxValue),
        ElementType.Int16 => (short.MinValue, short.MaxValue),
        _ => null,
    };

    private static Tensor Shaped(float[] numbers, Tensor like) =>
        like.Shape.Count == 0 ? Tensor.Scalar(numbers[0]) : Tensor.Of(numbers, [.. like.Shape]);

    /// <summary>Constant scales and zero points: one for all elements, one for each index of an axis, or one for each
    /// block of an axis.</summary>
    private sealed record Scaling(float[] Scale, IReadOnlyList<long> Shape, float[]? ZeroPoints, ElementType? Type)
    {
        public static Scaling? Of(Graph graph, Node node)
        {
            var zeroPoint = node.Inputs.Count > 2 && node.Inputs[2] != "" ? node.Inputs[2] : null;
            var zeroPoints = zeroPoint is null ? null : graph.Constant(zeroPoint);
            return graph.Constant(node.Inputs[1]) is { Type: ElementType.Float } scale
                && (zeroPoint is null || (zeroPoints is not null && IsReadable(zeroPoints.Type)))
                    ? new(scale.ToFloats(), scale.Shape, zeroPoints?.ToFloats(), zeroPoints?.Type)
                    : null;
        }

        public float ZeroPoint(int place) => ZeroPoints is null ? 0 : ZeroPoints[place];

        /// <summary>Which scale an element has, by its position in a tensor of this shape.</summary>
        public Func<int, int> Over(Node node, IReadOnlyList<long> shape)
        {
            if (Scale.Length == 1)
            {
                return static _ => 0;
            }

            var axis = (int)node.Int("axis", 1);
            axis += axis < 0 ? shape.Count : 0;
            var behind = (int)shape.Skip(axis + 1).Aggregate(1L, (product, length) => product * length);
            var size = (int)shape[axis];
            if (Shape.Count == 1)
            {
                return i => i / behind % size;
            }

            var block = (int)node.Int("block_size", 1);
            var blocks = (int)Shape[axis];
            return i => (((i / behind / size * blocks) + (i / behind % size / block)) * behind) + (i % behind);
        }
    }
}
