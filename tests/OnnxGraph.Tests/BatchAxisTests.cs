namespace OnnxGraph.Tests;

public class BatchAxisTests
{
    [Fact]
    public void A_convolutional_classifier_opens_its_batch_axis()
    {
        var graph = Classifier(reshape: [1, 8]);
        Assert.True(BatchAxis.TryMakeDynamic(graph, "x"));
        Assert.Equal("x: Float [N, 3, 4, 4]", graph.Inputs.Single().ToString());
        Assert.Equal("y: Float [N, 2]", graph.Outputs.Single().ToString());
        AssertRowsEqualSingleRuns(graph, Classifier(reshape: [1, 8]));
    }

    [Theory]
    [InlineData(new long[] { 1, 8 })]
    [InlineData(new long[] { 1, -1 })]
    [InlineData(new long[] { -1, 8 })]
    [InlineData(new long[] { 0, -1 })]
    public void A_reshape_that_keeps_the_batch_is_followed(long[] target)
    {
        var graph = Classifier(target);
        Assert.True(BatchAxis.TryMakeDynamic(graph, "x"));
        AssertRowsEqualSingleRuns(graph, Classifier(target));
    }

    [Fact]
    public void An_open_axis_stays_as_it_is()
    {
        var g = new GraphBuilder();
        g.Output("y", g.Relu(g.Input("x", ElementType.Float, "pictures", 3)), ElementType.Float, "pictures", 3);
        var graph = g.Build();
        var before = graph.ToBytes();
        Assert.True(BatchAxis.TryMakeDynamic(graph, "x"));
        Assert.Equal(before, graph.ToBytes());
    }

    public static TheoryData<string> Breakers() =>
    [
        "merge", "constant row", "concat 0", "transpose", "squeeze", "squeeze all", "reduce", "slice", "softmax 0", "flatten 0",
        "constant output", "quantize", "rank", "mask rows", "two inputs", "body", "contrib", "gather 0", "nonzero", "matmul left",
    ];

    [Theory]
    [MemberData(nameof(Breakers))]
    public void What_mixes_or_moves_rows_is_refused_and_the_graph_untouched(string breaker)
    {
        var g = new GraphBuilder(13);
        var x = g.Input("x", ElementType.Float, 1, 4, 1);
        var y = breaker switch
        {
            "merge" => g.Reshape(x, -1, 2),
            "constant row" => g.Concat(1, x, g.Constant([1f, 2f], 1, 2, 1)),
            "concat 0" => g.Concat(0, x, x),
            "transpose" => g.Transpose(x, 1, 0, 2),
            "squeeze" => g.Node("Squeeze", [x, g.Constant([0L])]),
            "squeeze all" => g.Node("Squeeze", [x]),
            "reduce" => g.Node("ReduceMean", [x], ("axes", new long[] { 0, 1 })),
            "slice" => g.Node("Slice", [x, g.Constant([0L]), g.Constant([1L]), g.Constant([0L])]),
            "softmax 0" => g.Softmax(x, axis: 0),
            "flatten 0" => g.Node("Flatten", [x], ("axis", 0)),
            "constant output" => g.Relu(g.Constant([1f, 2f], 1, 2)),
            "quantize" => g.Node("Cast", [g.Node("DynamicQuantizeLinear", [x], outputs: 3)[0]], ("to", 1)),
            "rank" => g.Add(x, g.Constant(new float[4], 1, 1, 4, 1)),
            "mask rows" => g.Mul(x, g.Constant([1f, 2f], 2, 1, 1)),
            "two inputs" => g.Add(x, g.Input("z", ElementType.Float, 1, 4, 1)),
            "body" => g.Node("If", [g.Constant(Tensor.Of([true]))], ("then_branch", Body(x)), ("else_branch", Body(x))),
            "contrib" => g.Node("Gelu", [x]),
            "gather 0" => g.Node("Gather", [x, g.Constant([0L])], ("axis", 0)),
            "nonzero" => g.Node("NonZero", [x]),
            _ => g.Node("MatMul", [g.Constant(new float[8], 2, 4), g.Node("Squeeze", [x, g.Constant([2L])])]),
        };
        g.Output("y", y);
        var graph = g.Build();
        if (breaker == "contrib")
        {
            graph.Nodes.Single().Proto.Domain = "com.microsoft";
        }

        var before = graph.ToBytes();
        Assert.False(BatchAxis.TryMakeDynamic(graph, "x"));
        Assert.Equal(before, graph.ToBytes());
    }

    [Fact]
    public void A_shape_computed_from_the_input_carries_the_batch()
    {
        Graph Build()
        {
            var g = new GraphBuilder(12);
            var x = g.Input("x", ElementType.Float, 1, 2, 3);
            var rows = g.Node("Gather", [g.Node("Shape", [x]), g.Constant(Tensor.Scalar(0L))]);
            var target = g.Concat(0, g.Node("Unsqueeze", [rows], ("axes", new long[] { 0 })), g.Constant([-1L]));
            g.Output("y", g.Node("Reshape", [x, target]), ElementType.Float, 1, 6);
            return g.Build();
        }

        var graph = Build();
        Assert.True(BatchAxis.TryMakeDynamic(graph, "x"));
        AssertRowsEqualSingleRuns(graph, Build());
    }

    [Fact]
    public void Resize_to_sizes_takes_the_batch_from_its_input()
    {
        Graph Build()
        {
            var g = new GraphBuilder(13);
            var x = g.Input("x", ElementType.Float, 1, 1, 2, 2);
            var resized = g.Node("Resize", [x, "", "", g.Constant([1L, 1L, 4L, 6L])], ("mode", "linear"));
            g.Output("y", resized, ElementType.Float, 1, 1, 4, 6);
            return g.Build();
        }

        var graph = Build();
        Assert.True(BatchAxis.TryMakeDynamic(graph, "x"));
        AssertRowsEqualSingleRuns(graph, Build());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Opening_and_normalising_go_in_either_order(bool openFirst)
    {
        var graph = Classifier([1, 8]);
        Assert.True(!openFirst || BatchAxis.TryMakeDynamic(graph, "x"));
        InputNormalization.Fuse(graph, "x", new() { Scale = 1 / 255f, Mean = [0.5f, 0.4f, 0.3f], Order = ChannelOrder.Bgr });
        Assert.True(openFirst || BatchAxis.TryMakeDynamic(graph, "x"));
        Assert.Equal("x: UInt8 [N, 3, 4, 4]", graph.Inputs.Single().ToString());

        var pictures = new byte[2 * 48];
        new Random(1).NextBytes(pictures);
        var together = Onnx.Run(graph, Onnx.Array.Of(pictures, 2, 3, 4, 4))[0].Floats;
        var second = Onnx.Run(graph, Onnx.Array.Of(pictures[48..], 1, 3, 4, 4))[0].Floats;
        Assert.Equal(second[0], together[2], 1e-6f);
    }

    [Fact]
    public void A_picture_without_batch_axis_keeps_its_batch_of_one()
    {
        var g = new GraphBuilder(13);
        g.Output("y", g.Relu(g.Input("x", ElementType.Float, 3, 4, 4)));
        var graph = g.Build();
        InputNormalization.Fuse(graph, "x", new() { Scale = 2 });
        Assert.False(BatchAxis.TryMakeDynamic(graph, "x"));
    }

    [Theory]
    [MemberData(nameof(RealModels.All), MemberType = typeof(RealModels))]
    public void A_real_model_that_is_opened_answers_each_row_as_alone(string file)
    {
        var original = Graph.Load(RealModels.Path(file));
        Assert.SkipUnless(original.Inputs.Count == 1, "it has more than one input");
        var graph = original.Clone();
        var isOpened = BatchAxis.TryMakeDynamic(graph, original.Inputs[0].Name);
        TestContext.Current.SendDiagnosticMessage($"{file}: {isOpened}");
        Assert.Equal(!NotOpened.Contains(file), isOpened);
        if (isOpened)
        {
            AssertRowsEqualSingleRuns(graph, original);
        }
    }

    // One scale for the whole batch (DynamicQuantizeLinear).
    private static readonly string[] NotOpened = ["yolo11n-int8.onnx", "yolo11n-seg-int8.onnx"];

    private static Graph Body(string outer)
    {
        var g = new GraphBuilder(13);
        g.Output("inner", g.Relu(outer));
        return g.Build();
    }

    private static Graph Classifier(long[] reshape)
    {
        var random = new Random(1);
        float[] Weights(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        var g = new GraphBuilder(11);
        var x = g.Input("x", ElementType.Float, 1, 3, 4, 4);
        var features = g.GlobalAveragePool(g.MaxPool(g.Relu(g.Conv(x, g.Constant(Weights(216), 8, 3, 3, 3), padding: 1))));
        var logits = g.Gemm(g.Reshape(features, reshape), g.Constant(Weights(16), 2, 8), g.Constant(Weights(2)));
        g.Output("y", g.Softmax(logits), ElementType.Float, 1, 2);
        return g.Build();
    }

    private static void AssertRowsEqualSingleRuns(Graph batched, Graph single)
    {
        var input = single.Inputs[0];
        long[] shape = [.. input.Shape!.Select((dimension, axis) => dimension.Size ?? (axis == 0 ? 1 : 64))];
        var size = (int)shape.Aggregate((a, b) => a * b);
        foreach (var batch in new[] { 2, 3 })
        {
            var random = new Random(batch);
            float[] Picture() => [.. Enumerable.Range(0, size).Select(_ => random.NextSingle())];
            var rows = Enumerable.Range(0, batch).Select(_ => Picture()).ToArray();
            Onnx.Array Feed(float[] values, long count) => input.Type == ElementType.Float16
                ? Onnx.Array.Of(input.Type, Array.ConvertAll(values, value => (Half)value), [count, .. shape[1..]])
                : Onnx.Array.Of(values, [count, .. shape[1..]]);
            var together = Onnx.Run(batched, Feed([.. rows.SelectMany(row => row)], batch));
            for (var row = 0; row < batch; row++)
            {
                var alone = Onnx.Run(single, Feed(rows[row], 1));
                for (var output = 0; output < alone.Length; output++)
                {
                    var expected = alone[output].Floats;
                    var actual = together[output].Floats.AsSpan(row * expected.Length, expected.Length);
                    var scale = Math.Max(1, expected.Max(Math.Abs));
                    for (var i = 0; i < expected.Length; i++)
                    {
                        Assert.Equal(expected[i], actual[i], (input.Type == ElementType.Float16 ? 1e-2f : 1e-4f) * scale);
                    }

                    Assert.Equal(batch * expected.Length, together[output].Floats.Length);
                }
            }
        }
    }
}
