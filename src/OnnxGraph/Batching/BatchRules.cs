namespace OnnxGraph.Batching;

/// <summary>For each operator, when it keeps axis 0 as the batch, and the shape it gives.</summary>
/// <remarks>An operator that is not here is refused. That is right for those that mix or reorder rows, such as
/// DynamicQuantizeLinear (one scale for the whole batch), NonMaxSuppression, NonZero, or the recurrent ones.</remarks>
internal static partial class BatchRules
{
    private delegate Fact? Rule(Node node, Fact?[] inputs, BatchAnalysis analysis);

    private static readonly Dictionary<string, Rule> Rules = new()
    {
        ["Reshape"] = Reshape,
        ["Flatten"] = Flatten,
        ["Transpose"] = Transpose,
        ["Squeeze"] = Squeeze,
        ["Unsqueeze"] = Unsqueeze,
        ["Concat"] = Concat,
        ["Split"] = Split,
        ["Slice"] = Slice,
        ["Gather"] = Gather,
        ["Pad"] = Pad,
        ["Tile"] = Tile,
        ["Expand"] = Expand,
        ["Resize"] = Resize,
        ["Upsample"] = Resize,
        ["DepthToSpace"] = DepthToSpace,
        ["SpaceToDepth"] = SpaceToDepth,
        ["Conv"] = (node, inputs, _) => Convolve(node, inputs, weights: 1),
        ["ConvInteger"] = (node, inputs, _) => Convolve(node, inputs, weights: 1),
        ["QLinearConv"] = (node, inputs, _) => Convolve(node, inputs, weights: 3),
        ["ConvTranspose"] = ConvTranspose,
        ["MaxPool"] = Pool,
        ["AveragePool"] = Pool,
        ["LpPool"] = Pool,
        ["GlobalAveragePool"] = GlobalPool,
        ["GlobalMaxPool"] = GlobalPool,
        ["MatMul"] = MatMul,
        ["Gemm"] = Gemm,
        ["BatchNormalization"] = (node, inputs, _) =>
            node.Outputs.Count == 1 && node.Int("training_mode") == 0 ? Same(inputs) : null,
        ["Softmax"] = (node, inputs, analysis) => AlongAxis(node, inputs, analysis.Graph.OpsetVersion < 13 ? 1 : -1),
        ["LogSoftmax"] = (node, inputs, analysis) => AlongAxis(node, inputs, analysis.Graph.OpsetVersion < 13 ? 1 : -1),
        ["LayerNormalization"] = (node, inputs, _) => node.Outputs.Count == 1 ? AlongAxis(node, inputs, -1) : null,
        ["LpNormalization"] = (node, inputs, _) => AlongAxis(node, inputs, -1),
        ["QuantizeLinear"] = Quantize,
        ["DequantizeLinear"] = Quantize,
        ["ConstantOfShape"] = (_, inputs, _) => new(false, inputs[0]?.Numbers),
        ["ArgMax"] = (node, inputs, _) => Reduce(node, inputs, [node.Int("axis")]),
        ["ArgMin"] = (node, inputs, _) => Reduce(node, inputs, [node.Int("axis")]),
    };

    // Each element from the same place of the first input, or from its own row and channel.
    private const string Elementwise =
        "Relu LeakyRelu ThresholdedRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Mish Gelu Erf Exp Log "
        + "Sqrt Reciprocal Neg Abs Sign Floor Ceil Round Sin Cos Atan Not IsNaN Identity Cast Clip Dropout LRN "
        + "InstanceNormalization GroupNormalization";

    private const string Broadcasting =
        "Add Sub Mul Div Pow Min Max Sum Mean Mod And Or Xor Equal Greater Less GreaterOrEqual LessOrEqual Where PRelu";

    static BatchRules()
    {
        foreach (var elementwise in Elementwise.Split(' '))
        {
            Rules[elementwise] = (_, inputs, _) => Same(inputs);
        }

        foreach (var broadcasting in Broadcasting.Split(' '))
        {
            Rules[broadcasting] = (_, inputs, _) => Broadcast(inputs);
        }

        foreach (var reduction in "Sum Mean Max Min Prod L1 L2 LogSum LogSumExp SumSquare".Split(' '))
        {
            Rules["Reduce" + reduction] = (node, inputs, _) => Reduce(node, inputs, Axes(node, inputs, 1));
        }
    }

    /// <summary>What is known of a node's outputs (all have the same fact); null where the batch is lost, or may
    /// be.</summary>
    public static Fact? TryFollow(Node node, Fact?[] inputs, BatchAnalysis analysis) =>
        Rules.TryGetValue(node.OpType, out var rule) && inputs.Length > 0 ? rule(node, inputs, analysis) : null;

    /// <summary>Whether the node reads a shape among its inputs, and its rule looks for the size of the batch
    /// there.</summary>
    public static bool TakesSizes(Node node) => node.OpType is "Reshape" or "Resize";

    /// <summary>The first input as it is, where no other one is batched.</summary>
    private static Fact? Same(Fact?[] inputs) => OnlyFirst(inputs) ? new(inputs[0]!.IsBatched, inputs[0]!.Shape) : null;

    /// <summary>Whether the first input has a shape, and no other is batched.</summary>
    private static bool OnlyFirst(Fact?[] inputs) =>
        inputs[0]?.Shape is not null && inputs.Skip(1).All(input => input is null || !input.IsBatched);

    private static Fact? AlongAxis(Node node, Fact?[] inputs, long axis) =>
        OnlyFirst(inputs) && AxisOf(node.Int("axis", axis), inputs[0]!.Rank) is > 0 ? Same(inputs) : null;

    private static Fact? Quantize(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        if (!OnlyFirst(inputs) || !inputs[0]!.IsBatched)
        {
            return Same(inputs);
        }

        // A scale for all, or one for each index of an axis that is not the batch.
        var isKept = inputs.ElementAtOrDefault(1)?.Shape is [] or [1]
            || (inputs.ElementAtOrDefault(1)?.Rank == 1 && AxisOf(node.Int("axis", 1), inputs[0]!.Rank) > 0);
        return isKept ? Same(inputs) : null;
    }

    /// <summary>Axes align from the right: the batch stays in front only if nothing is longer, and nothing else varies
    /// there.</summary>
    private static Fact? Broadcast(Fact?[] inputs)
    {
        if (inputs.Any(input => input?.Shape is null))
        {
            return null;
        }

        var rank = inputs.Max(input => input!.Rank);
        var isBatched = inputs.Any(input => input!.IsBatched);
        bool Keeps(Fact input) => input.IsBatched ? input.Rank == rank : input.Rank < rank || input.Shape![0] == 1;
        return isBatched && !inputs.All(input => Keeps(input!))
            ? null
            : new(isBatched, BroadcastShape([.. inputs.Select(input => input!.Shape!)], rank));
    }

    private static long[] BroadcastShape(long[][] shapes, int rank)
    {
        var shape = Enumerable.Repeat(1L, rank).ToArray();
        foreach (var other in shapes)
        {
            for (var i = 1; i <= other.Length; i++)
            {
                // 1 yields to anything, the unknown only to what is larger than 1.
                shape[^i] = shape[^i] == 1 || (shape[^i] == Fact.Unknown && other[^i] > 1) ? other[^i] : shape[^i];
            }
        }

        return shape;
    }

    private static int AxisOf(long axis, int rank) => (int)(axis < 0 ? axis + rank : axis);

    /// <summary>The axes of a node: an attribute in older opsets, an input in newer ones; null where absent or not
    /// known.</summary>
    private static IReadOnlyList<long>? Axes(Node node, Fact?[] inputs, int index) =>
        node.Ints("axes") ?? inputs.ElementAtOrDefault(index)?.Numbers;
}
