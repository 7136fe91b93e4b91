namespace OnnxGraph.Tests;

public class GraphTests
{
    private static readonly float[] Picture = [.. Enumerable.Range(0, 8).Select(i => i - 3.5f)];

    [Fact]
    public void It_says_what_a_caller_must_feed_and_gets()
    {
        var graph = Sample();
        Assert.Equal("x: Float [1, 2, 2, 2]", graph.Inputs.Single().ToString());
        Assert.Equal("y: Float [1, 2, 2, 2]", graph.Outputs.Single().ToString());
        Assert.Equal((9, 4, "OnnxGraph"), (graph.OpsetVersion, (int)graph.IrVersion, graph.ProducerName));
        Assert.Equal(["Relu", "Mul", "Add"], graph.Nodes.Select(node => node.OpType));
    }

    [Fact]
    public void It_knows_who_writes_and_who_reads_a_value()
    {
        var graph = Sample();
        Assert.Equal("Relu", graph.Producer("relu")!.OpType);
        Assert.Null(graph.Producer("x"));
        Assert.Equal(["Mul", "Add"], graph.Consumers("relu").Select(node => node.OpType));
        Assert.Empty(graph.Consumers("y"));
    }

    [Fact]
    public void Metadata_survives_writing()
    {
        var graph = Sample();
        graph.Metadata["names"] = "{0: 'cat'}";
        Assert.Equal("{0: 'cat'}", Graph.Parse(graph.ToBytes()).Metadata["names"]);
        graph.Metadata.Remove("names");
        Assert.Empty(Graph.Parse(graph.ToBytes()).Metadata);
    }

    [Theory]
    [InlineData("relu")]
    [InlineData("x")]
    [InlineData("y")]
    [InlineData("two")]
    public void Renaming_a_value_keeps_the_result(string value)
    {
        var graph = Sample();
        graph.Rename(value, "renamed");
        Assert.Null(graph.Find(value));
        Assert.Empty(graph.Consumers(value));
        Assert.Equal(Onnx.Run(Sample(), Picture), Onnx.Run(graph, Picture));
    }

    [Fact]
    public void Renaming_to_a_name_that_is_taken_is_refused()
    {
        var error = Assert.Throws<OnnxGraphException>(() => Sample().Rename("x", "relu"));
        Assert.Contains("'relu'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_body_that_reads_a_value_is_its_consumer_and_is_renamed_with_it()
    {
        var graph = Branching();
        Assert.Equal(["If"], graph.Consumers("relu").Select(node => node.OpType));
        Assert.Equal(["relu"], graph.Consumers("relu").Single().Captures);
        graph.Rename("relu", "renamed");
        Assert.Equal(["renamed"], graph.Producer("y")!.Captures);
        Assert.Equal(Onnx.Run(Branching(), Picture), Onnx.Run(graph, Picture));
    }

    [Fact]
    public void What_only_a_body_reads_is_not_pruned()
    {
        var graph = Branching();
        Assert.Equal(0, graph.Prune());
        Assert.Equal(Onnx.Run(Branching(), Picture), Onnx.Run(graph, Picture));
    }

    [Fact]
    public void Pruning_removes_what_no_output_needs_and_keeps_the_result()
    {
        var graph = Sample();
        var unused = graph.AddInitializer("unused", Tensor.Of([1f]));
        graph.Append(new("Exp", ["relu"], [graph.FreshName("dead")]));
        graph.Append(new("Mul", ["dead", unused], [graph.FreshName("deader")]));
        Assert.Equal(2, graph.Prune());
        Assert.Equal(["two"], graph.Initializers.Keys);
        Assert.Equal(Onnx.Run(Sample(), Picture), Onnx.Run(graph, Picture));
    }

    [Fact]
    public void A_node_is_put_between_a_value_and_its_readers()
    {
        var graph = Sample();
        var negated = new Node("Neg", ["relu"], [graph.FreshName("negated")]);
        graph.InsertAfter(graph.Producer("relu")!, negated);
        graph.ReplaceUses("relu", "negated", except: negated);
        Assert.Equal(["Relu", "Neg", "Mul", "Add"], graph.Nodes.Select(node => node.OpType));
        Assert.Equal(Onnx.Run(Sample(), Picture).Select(y => -y), Onnx.Run(graph, Picture));
    }

    [Fact]
    public void Nodes_in_the_wrong_order_are_sorted_when_written()
    {
        var graph = Sample();
        graph.InsertBefore(graph.Producer("relu")!, new("Neg", ["y"], ["z"]));
        graph.AddOutput("z");
        Assert.Equal(["Relu", "Mul", "Add", "Neg"], Graph.Parse(graph.ToBytes()).Nodes.Select(node => node.OpType));
    }

    [Fact]
    public void A_cycle_is_refused_with_a_node_that_lies_on_it()
    {
        var graph = Sample();
        graph.Producer("relu")!.SetInput(0, "y");
        var error = Assert.Throws<OnnxGraphException>(graph.ToBytes);
        Assert.Contains("cycle", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tapped_value_becomes_an_output_without_a_declared_type()
    {
        var graph = Sample();
        graph.AddOutput("relu");
        var outputs = Onnx.Run(graph, Onnx.Array.Of(Picture, 1, 2, 2, 2));
        Assert.Equal(Picture.Select(x => Math.Max(x, 0)), outputs[1].Floats);
        graph.RemoveOutput("y");
        Assert.Equal(2, graph.Prune());
    }

    [Theory]
    [InlineData(8)]
    [InlineData(17)]
    public void A_bound_input_need_not_be_fed(int opset)
    {
        var g = new GraphBuilder(opset);
        var sizes = g.Input("sizes", ElementType.Float, "N", 2);
        g.Output("y", g.Add(g.Input("x", ElementType.Float, 1, 2), sizes));
        var graph = g.Build();
        graph.Bind("sizes", Tensor.Of([10f, 20f], 1, 2));
        Assert.Equal(["x"], graph.Inputs.Select(input => input.Name));
        Assert.Equal([11f, 22f], Onnx.Run(graph, 1, 2));
    }

    [Fact]
    public void A_tensor_that_does_not_fit_is_not_bound()
    {
        var error = Assert.Throws<OnnxGraphException>(() => Sample().Bind("x", Tensor.Of([1L])));
        Assert.Contains("x: Float [1, 2, 2, 2]", error.Message, StringComparison.Ordinal);
        Assert.Contains("Int64 [1]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fresh_names_are_never_those_of_a_body()
    {
        var graph = Branching();
        Assert.Equal("inner_1", graph.FreshName("inner"));
        Assert.Equal("inner_2", graph.FreshName("inner"));
        Assert.Equal("outer", graph.FreshName("outer"));
    }

    [Fact]
    public void A_clone_is_independent()
    {
        var graph = Sample();
        graph.Clone().Rename("relu", "renamed");
        Assert.NotNull(graph.Producer("relu"));
    }

    [Fact]
    public void Ten_thousand_nodes_are_edited_one_by_one()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 1);
        g.Output("y", Enumerable.Range(0, 10_000).Aggregate(x, (value, _) => g.Relu(value)));
        var graph = g.Build();

        // 0.2 s; were any edit to walk the whole graph, the suite would stand still here for minutes.
        foreach (var node in graph.Nodes.ToArray())
        {
            var value = node.Outputs[0];
            if (value != "y")
            {
                var added = graph.InsertAfter(node, new("Neg", [value], [graph.FreshName("negated")]));
                graph.ReplaceUses(value, added.Outputs[0], except: added);
                graph.Rename(value, graph.FreshName("renamed"));
            }
        }

        graph.Prune();
        Assert.Equal(19_999, Graph.Parse(graph.ToBytes()).Nodes.Count);
    }

    /// <summary>y = 2 relu(x) + relu(x).</summary>
    private static Graph Sample()
    {
        var g = new GraphBuilder(opset: 9);
        var relu = g.Relu(g.Input("x", ElementType.Float, 1, 2, 2, 2));
        g.Name(relu, "relu");
        g.Output("y", g.Add(g.Mul(relu, g.Constant(Tensor.Of([2f]), "two")), relu), ElementType.Float, 1, 2, 2, 2);
        return g.Build();
    }

    /// <summary>y = if true then exp(relu(x)), read from inside the branch.</summary>
    private static Graph Branching()
    {
        Graph Branch(string opType)
        {
            var branch = new GraphBuilder();
            branch.Output("inner", branch.Node(opType, ["relu"]));
            return branch.Build();
        }

        var g = new GraphBuilder();
        g.Name(g.Relu(g.Input("x", ElementType.Float, 1, 8)), "relu");
        var always = g.Constant(Tensor.Of([true]));
        g.Output("y", g.Node("If", [always], ("then_branch", Branch("Exp")), ("else_branch", Branch("Neg"))), ElementType.Float, 1, 8);
        return g.Build();
    }
}
