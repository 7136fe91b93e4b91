namespace OnnxGraph.Autodiff;

/// <summary>Hands the gradient of a node's outputs on to its inputs.</summary>
internal delegate void VjpRule(Vjp at);

/// <summary>The table: for each operator, the gradient of its inputs in ONNX's own operators.</summary>
internal static partial class VjpRules
{
    // Nothing flows back through these: their outputs do not change with small changes of their inputs.
    private static readonly HashSet<string> Flat =
    [
        "Shape", "Size", "ArgMax", "ArgMin", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "And", "Or",
        "Xor", "NonZero", "NonMaxSuppression", "Floor", "Ceil", "Round", "Sign", "Range", "ConstantOfShape", "IsNaN", "IsInf",
        "OneHot", "Hardmax", "EyeLike", "RandomNormalLike", "RandomUniformLike", "Bernoulli",
    ];

    // Indices, masks, and scales that are taken as given.
    private static readonly HashSet<string> FlatBehindFirst = ["MaxPool", "TopK", "Dropout", "DynamicQuantizeLinear"];

    private static readonly Dictionary<string, VjpRule> Table = new[]
        {
            Convolutions,
            Pooling,
            Resizing,
            Normalizations,
            Activations,
            Functions,
            Arithmetic,
            Products,
            Reductions,
            Shapes,
            Padding,
            Indexing,
            Sampling,
            Quantized,
            IntegerProducts,
        }
        .SelectMany(rules => rules)
        .ToDictionary();

    /// <summary>The operators that have a rule.</summary>
    public static IReadOnlyCollection<string> Operators => Table.Keys;

    /// <summary>The outputs of a node that change with small changes of its inputs.</summary>
    public static IEnumerable<string> Smooth(Node node) => Stops(node) ? []
        : node.Domain == "" && FlatBehindFirst.Contains(node.OpType) ? node.Outputs.Take(1)
        : node.Outputs.Where(output => output != "");

    /// <exception cref="OnnxGraphException">There is none.</exception>
    public static VjpRule For(Node node) => node.Domain == "" && Table.TryGetValue(node.OpType, out var rule)
        ? rule
        : throw NotDifferentiable(node, WhyNot(node));

    public static OnnxGraphException NotDifferentiable(Node node, string reason) => new(
        $"Not differentiable: {(node.Domain == "" ? "" : node.Domain + ".")}{node.OpType} "
        + $"(node '{(node.Name != "" ? node.Name : node.Outputs[0])}'): {reason}.");

    private static bool Stops(Node node) => (node.Domain == "" && Flat.Contains(node.OpType)) || IsCastToInteger(node);

    private static bool IsCastToInteger(Node node) =>
        node.Is("Cast") && (ElementType)node.Int("to") is not
            (ElementType.Float or ElementType.Float16 or ElementType.Double or ElementType.BFloat16);
}
