namespace OnnxGraph.Tests;

public class GraphBuilderTests
{
    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(13)]
    [InlineData(17)]
    [InlineData(21)]
    public void The_named_operators_run_in_every_opset(int opset)
    {
        var g = new GraphBuilder(opset);
        var x = g.Input("x", ElementType.Float, 1, 1, 2, 2);
        var doubled = g.Conv(x, g.Constant([2f], 1, 1, 1, 1), g.Constant([1f]));
        var pooled = g.MaxPool(g.Resize(g.Relu(doubled), 2));                   // enlarged and pooled: as before
        var flat = g.Flatten(g.Transpose(pooled, 0, 1, 3, 2));
        var both = g.Concat(1, flat, g.Reshape(g.GlobalAveragePool(pooled), 1, 1));
        var mixed = g.Add(g.Gemm(both, g.Constant([1f, 1, 1, 1, 4], 1, 5), g.Constant([0f])), g.Constant([-1f]));
        g.Output("y", g.Mul(g.Softmax(mixed), g.Sigmoid(g.Constant([0f]))), ElementType.Float, 1, 1);
        g.Output("sum", mixed);
        var outputs = Onnx.Run(g.Build(), Onnx.Array.Of([1f, 2, 3, -4], 1, 1, 2, 2));
        Assert.Equal([0.5f], outputs[0].Floats);                                // softmax of one = 1, sigmoid(0) = 0.5
        Assert.Equal([29f], outputs[1].Floats);                                 // 3 + 5 + 7 + 0, 4 times their mean, - 1
    }

    [Fact]
    public void A_node_may_have_several_outputs()
    {
        var g = new GraphBuilder(13);
        var halves = g.Node("Split", [g.Input("x", ElementType.Float, 1, 4)], outputs: 2, ("axis", 1));
        g.Output("second", halves[1]);
        g.Output("first", halves[0]);
        var outputs = Onnx.Run(g.Build(), Onnx.Array.Of([1f, 2, 3, 4], 1, 4));
        Assert.Equal([[3f, 4f], [1f, 2f]], outputs.Select(output => output.Floats));
    }

    [Fact]
    public void A_value_may_be_two_outputs_and_an_input_one()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 1);
        var y = g.Relu(x);
        g.Output("a", y).Output("b", y).Output("c", x);
        Assert.Equal([[2f], [2f], [2f]], Onnx.Run(g.Build(), Onnx.Array.Of([2f], 1)).Select(output => output.Floats));
    }

    [Fact]
    public void A_named_value_is_found_by_its_name()
    {
        var g = new GraphBuilder();
        var y = g.Name(g.Relu(g.Input("x", ElementType.Float, "N", 2)), "layer4");
        g.Output("y", g.Sigmoid(y));
        Assert.Equal("Relu", g.Build().Producer("layer4")!.OpType);
    }

    [Fact]
    public void Symbols_metadata_and_producer_are_written()
    {
        var g = new GraphBuilder(12).Metadata("task", "detect").Producer("pytorch");
        var graph = Graph.Parse(g.Output("y", g.Input("x", ElementType.Float16, "N", 3, "H", "W")).Build().ToBytes());
        Assert.Equal("x: Float16 [N, 3, H, W]", graph.Inputs.Single().ToString());
        Assert.Equal(("detect", "pytorch", 12, 7L), (graph.Metadata["task"], graph.ProducerName, graph.OpsetVersion, graph.IrVersion));
    }

    [Fact]
    public void Constants_of_every_kind_run()
    {
        var g = new GraphBuilder(13);
        string Float(string value) => g.Node("Cast", [value], ("to", (long)ElementType.Float));
        var sum = g.Node("Sum", [g.Constant([1f]), Float(g.Constant([2L])), Float(g.Constant(new byte[] { 3 })), Float(g.Constant([(Half)4]))]);
        g.Output("y", g.Add(g.Input("x", ElementType.Float, 1), sum));
        Assert.Equal([10f], Onnx.Run(g.Build(), 0));
    }
}
