namespace OnnxGraph.Tests;

public class NodeTests
{
    [Fact]
    public void Attributes_are_read_as_they_were_written()
    {
        var node = new Node(
            "Any",
            ["x"],
            ["y"],
            ("int", 3),
            ("flag", true),
            ("float", 0.5f),
            ("text", "SAME_UPPER"),
            ("ints", new long[] { 1, 2 }),
            ("floats", new[] { 1f, 2f }),
            ("texts", new[] { "a", "b" }),
            ("tensor", Tensor.Of([4L])));
        Assert.Equal((3, 1, 0.5f, "SAME_UPPER"), (node.Int("int"), node.Int("flag"), node.Float("float"), node.Text("text")));
        Assert.Equal([1L, 2L], node.Ints("ints"));
        Assert.Equal([1f, 2f], node.Floats("floats"));
        Assert.Equal(["a", "b"], node.Texts("texts"));
        Assert.Equal([4L], node.Tensor("tensor")!.ToInt64s());
    }

    [Fact]
    public void An_absent_attribute_is_the_operators_default()
    {
        var node = new Node("Softmax", ["x"], ["y"]);
        Assert.Equal((-1, 0.01f, "NOTSET"), (node.Int("axis", -1), node.Float("alpha", 0.01f), node.Text("auto_pad", "NOTSET")));
        Assert.Null(node.Ints("pads"));
        Assert.False(node.Has("axis"));
    }

    [Fact]
    public void Setting_replaces_and_unsetting_removes()
    {
        var node = new Node("Softmax", ["x"], ["y"], ("axis", 1));
        node.Set("axis", 2);
        Assert.Equal(2, node.Int("axis"));
        Assert.Equal(["axis"], node.Attributes);
        Assert.True(node.Unset("axis"));
        Assert.False(node.Unset("axis"));
    }

    [Fact]
    public void An_output_may_be_asked_for_later()
    {
        var g = new GraphBuilder(16);
        g.Output("y", g.MaxPool(g.Input("x", ElementType.Float, 1, 1, 2, 2)));
        var graph = g.Build();
        graph.Nodes.Single().SetOutput(1, graph.FreshName("indices"));
        graph.AddOutput("indices");
        Assert.Equal([2f], Onnx.Run(graph, Onnx.Array.Of([1f, 2, 9, 3], 1, 1, 2, 2))[1].Floats);       // the third of four
    }

    [Fact]
    public void Two_nodes_cannot_write_one_value()
    {
        var g = new GraphBuilder();
        g.Output("y", g.Relu(g.Input("x", ElementType.Float, 1)));
        var graph = g.Build();
        Assert.Throws<OnnxGraphException>(() => graph.Append(new("Neg", ["x"], ["y"])));
        var other = graph.Append(new("Neg", ["x"], ["z"]));
        Assert.Throws<OnnxGraphException>(() => other.SetOutput(0, "y"));
    }

    [Fact]
    public void An_operator_of_another_domain_is_not_onnxs_own()
    {
        Assert.True(new Node("Gelu", ["x"], ["y"]) { Domain = "ai.onnx" }.Is("Gelu"));
        Assert.False(new Node("Gelu", ["x"], ["y"]) { Domain = "com.microsoft" }.Is("Gelu"));
    }
}
