namespace OnnxGraph.Autodiff;

/// <summary>Convolutions and products of integers that were made from floats while the model runs
/// (<c>DynamicQuantizeLinear</c>): the most common form of a quantised export.</summary>
internal static class DynamicQuantization
{
    /// <summary>Lets them compute with the floats that the integers stand for; the scales stay as the runs find
    /// them.</summary>
    /// <remarks>
    /// <c>ConvInteger(x / s, W)</c>, whose result the graph multiplies by <c>s</c> and the scale of W, becomes
    /// <c>Conv(x, W) / s</c>: the same but for rounding. To a gradient s is a constant, rightly so, as it cancels out.
    /// </remarks>
    public static void Unfold(Graph graph)
    {
        var unfolded = false;
        foreach (var node in graph.Nodes.Where(node => node.Is("ConvInteger") || node.Is("MatMulInteger")).ToArray())
        {
            if (graph.Producer(node.Inputs[0]) is { } quantize && quantize.Is("DynamicQuantizeLinear")
                && node.Inputs.Count > 2 && node.Inputs[2] == quantize.Outputs[2] && Weights(graph, node) is { } weights)
            {
                Replace(graph, node, quantize, weights);
                unfolded = true;
            }
        }

        if (unfolded)
        {
            graph.ForgetInnerShapes(); // they call values integers that are floats now
        }
    }

    private static void Replace(Graph graph, Node node, Node quantize, Tensor weights)
    {
        var result = node.Outputs[0];
        var product = graph.FreshName(result + "_float");
        var inFloats = new Node(
            node.OpType == "ConvInteger" ? "Conv" : "MatMul",
            [quantize.Inputs[0], graph.AddInitializer(node.Inputs[1] + "_float", weights)],
            [product])
        {
            Name = node.Name,
        };
        foreach (var name in new[] { "dilations", "kernel_shape", "pads", "strides" })
        {
            if (node.Ints(name) is { } values)
            {
                inFloats.Set(name, values.ToArray());
            }
        }

        if (node.OpType == "ConvInteger")
        {
            inFloats.Set("group", node.Int("group", 1));
            inFloats.Set("auto_pad", node.Text("auto_pad", "NOTSET"));
        }

        graph.Remove(node);
        graph.Append(inFloats);
        graph.Append(new("Div", [product, quantize.Outputs[1]], [result]));
    }

    /// <summary>The weights less their zero point, which is one, or one for each output channel.</summary>
    private static Tensor? Weights(Graph graph, Node node)
    {
        if (graph.Constant(node.Inputs[1]) is not { Type: ElementType.UInt8 or ElementType.Int8 } weights)
        {
            return null;
        }

        var numbers = weights.ToFloats();
        if (node.Inputs.Count > 3 && node.Inputs[3] != "")
        {
            if (graph.Constant(node.Inputs[3])?.ToFloats() is not { } zeroPoints)
            {
                return null;
            }

            var behind = node.OpType == "ConvInteger" ? numbers.Length / (int)weights.Shape[0] : 1;
            for (var i = 0; i < numbers.Length; i++)
            {
                numbers[i] -= zeroPoints[i / behind % zeroPoints.Length];
            }
        }

        return Tensor.Of(numbers, [.. weights.Shape]);
    }
}
