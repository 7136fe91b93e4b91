namespace OnnxGraph.Tests.Autodiff;

/// <summary>Makes a graph of floats one of doubles.</summary>
internal static class Double
{
    public static Graph Of(Graph graph)
    {
        var copy = graph.Clone();
        copy.ForgetInnerShapes();
        foreach (var value in copy.Inputs.Concat(copy.Outputs).Where(value => value.Type == ElementType.Float))
        {
            copy.Declare(value with { Type = ElementType.Double });
        }

        // The scales of a Resize are floats whatever it resizes.
        var scales = copy.Nodes.Where(node => node.Is("Resize") || node.Is("Upsample")).SelectMany(node => node.Inputs.Skip(1)).ToHashSet();
        foreach (var (name, tensor) in copy.Initializers.Where(it => it.Value.Type == ElementType.Float && !scales.Contains(it.Key)).ToArray())
        {
            copy.SetInitializer(name, Widened(tensor));
        }

        foreach (var node in copy.Nodes)
        {
            if (node.Tensor("value") is { Type: ElementType.Float } value && !node.Outputs.Any(scales.Contains))
            {
                node.Set("value", Widened(value));
            }

            if (node.Is("Cast") && (ElementType)node.Int("to") == ElementType.Float)
            {
                node.Set("to", (long)ElementType.Double);
            }
        }

        return copy;
    }

    private static Tensor Widened(Tensor tensor)
    {
        var elements = Array.ConvertAll(tensor.ToFloats(), element => (double)element);
        return tensor.Shape.Count == 0 ? Tensor.Of(elements, 1) : Tensor.Of(elements, [.. tensor.Shape]);
    }
}
