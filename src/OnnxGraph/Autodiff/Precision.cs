using OnnxGraph.Proto;

namespace OnnxGraph.Autodiff;

/// <summary>Half precision is too coarse for gradients: sums of many small numbers vanish.</summary>
internal static class Precision
{
    private static readonly string[] TypeAttributes = ["to", "dtype", "output_dtype", "output_datatype", "stash_type"];

    /// <summary>Makes every float16 and bfloat16 value of a graph float32: inputs, outputs, constants, casts.</summary>
    /// <exception cref="OnnxGraphException">A body of an If, Loop or Scan holds some.</exception>
    public static void Widen(Graph graph)
    {
        foreach (var value in graph.DeclaredValues.Where(value => IsHalf(value.Type)).ToArray())
        {
            graph.Declare(value with { Type = ElementType.Float });
        }

        foreach (var (name, tensor) in graph.Initializers.Where(it => IsHalf(it.Value.Type)).ToArray())
        {
            graph.SetInitializer(name, Widened(tensor));
        }

        foreach (var node in graph.Nodes)
        {
            if (Bodies.Of(node.Proto).Any(HoldsHalf))
            {
                throw VjpRules.NotDifferentiable(node, "its body computes in half precision; export the model in float32");
            }

            foreach (var attribute in node.Proto.Attribute.ToArray())
            {
                if (attribute.T is { } tensor && IsHalf((ElementType)tensor.DataType))
                {
                    node.Set(attribute.Name, Widened(new(tensor)));
                }
                else if (NamesHalf(attribute))
                {
                    node.Set(attribute.Name, (long)ElementType.Float);
                }
            }
        }
    }

    private static bool IsHalf(ElementType type) => type is ElementType.Float16 or ElementType.BFloat16;

    private static bool NamesHalf(AttributeProto attribute) =>
        TypeAttributes.Contains(attribute.Name) && IsHalf((ElementType)attribute.I);

    private static bool HoldsHalf(GraphProto body) =>
        body.Initializer.Any(tensor => IsHalf((ElementType)tensor.DataType))
        || body.Input.Concat(body.Output).Any(value => IsHalf(Value.From(value).Type))
        || body.Node.Any(node => Bodies.Of(node).Any(HoldsHalf) || node.Attribute.Any(attribute =>
            NamesHalf(attribute) || (attribute.T is { } tensor && IsHalf((ElementType)tensor.DataType))));

    private static Tensor Widened(Tensor tensor) =>
        tensor.Shape.Count == 0 ? Tensor.Scalar(tensor.ToFloats()[0]) : Tensor.Of(tensor.ToFloats(), [.. tensor.Shape]);
}
