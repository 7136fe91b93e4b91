using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

public sealed class LossesTests
{
    [Fact]
    public void A_gram_matrix_holds_the_products_of_all_pairs_of_channels()
    {
        var graph = Image(13, 1, 2, 1, 2);
        graph.AddOutput(Losses.Gram(graph, "x"));

        // [1 2] and [3 4]: 1 + 4, 3 + 8, 9 + 16
        Assert.Equal([5, 11, 11, 25], Onnx.Run(graph, Onnx.Array.Of([1f, 2, 3, 4], 1, 2, 1, 2))[1].Floats);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(10)]
    [InlineData(13)]
    [InlineData(21)]
    public void Total_variation_looks_below_and_to_the_right(int opset)
    {
        var graph = Image(opset, 1, 1, 2, 2);
        var (loss, gradient) = Differentiate(graph, Losses.TotalVariation(graph, "x", exponent: 1), [1, 3, 4, 7], [1, 1, 2, 2]);

        // (1 - 4)^2 + (1 - 3)^2
        Assert.Equal([13], loss);
        Assert.Equal([-10, 4, 6, 0], gradient);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(13)]
    [InlineData(18)]
    public void The_mean_of_a_filter_leaves_the_border_out(int opset)
    {
        var graph = Image(opset, 1, 2, 3, 4);
        var elements = Enumerable.Range(0, 24).Select(i => (float)i).ToArray();
        var (loss, gradient) = Differentiate(graph, Losses.FilterMean(graph, "x", filter: 1, border: 1), elements, [1, 2, 3, 4], [1]);

        Assert.Equal([(17 + 18) / 2f], loss);
        Assert.Equal([17, 18], Enumerable.Range(0, 24).Where(i => gradient[i] != 0));
        Assert.Equal(0.5f, gradient[17]);
    }

    [Fact]
    public void Losses_are_weighted_and_added()
    {
        var graph = Image(13, 1, 1, 1, 2);
        var zeros = graph.AddInitializer("target", Tensor.Of([0f, 0f], 1, 1, 1, 2));
        var content = Losses.Content(graph, "x", zeros);
        var style = Losses.Style(graph, "x", graph.AddInitializer("gram", Tensor.Of([7f], 1, 1)), pixels: 2);
        var (loss, gradient) = Differentiate(graph, Losses.Sum(graph, (content, 3), (style, 144)), [1, 2], [1, 1, 1, 2]);

        // 3 (1 + 4) + (5 - 7)^2; its gradient 6 x + 2 (5 - 7) 2 x
        Assert.Equal([19], loss);
        Assert.Equal([-2, -4], gradient);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(13)]
    [InlineData(17)]
    public void Style_transfer_on_a_network_agrees_with_the_references(int opset)
    {
        var (folder, input) = (References.Path("vgg"), new long[] { 1, 3, 48, 48 });
        var (content, style) = Halves(References.Array("vgg", "x.npy").Floats);
        int[] layers = [1, 6, 11, 18, 20];
        var taps = layers.Select(layer => $"/m/features.{layer}/Relu_output_0").ToArray();
        var forward = Graph.Load($"{folder}/vgg_op{opset}_folded.onnx");
        var grams = taps.Select(tap => Losses.Gram(forward, tap)).ToArray();
        Array.ForEach([taps[3], .. grams], forward.AddOutput);
        var ofContent = Onnx.Run(forward, Onnx.Array.Of(content, input));
        var ofStyle = Onnx.Run(forward, Onnx.Array.Of(style, input));

        var graph = Graph.Load($"{folder}/vgg_op{opset}_folded.onnx");
        var losses = new Dictionary<string, string>
        {
            ["content"] = Losses.Content(graph, taps[3], graph.AddInitializer("content", ofContent[1].ToTensor()!)),
            ["style"] = Losses.Sum(graph, taps.Select((tap, i) =>
                (Losses.Style(graph, tap, graph.AddInitializer("gram", ofStyle[i + 2].ToTensor()!), 48 * 48), 1.0 / taps.Length))),
            ["tv"] = Losses.TotalVariation(graph, "input"),
        };
        losses["total"] = Losses.Sum(graph, (losses["content"], 0.025), (losses["style"], 50), (losses["tv"], 0.0001));

        foreach (var (name, loss) in losses)
        {
            var (scalar, gradient) = Differentiate(graph.Clone(), loss, References.Array("vgg", "style_start.npy").Floats, input);
            var expected = name switch
            {
                "content" => 36.22530479484653,
                "style" => 0.016213309493179416,
                "tv" => 8593.838822730453,
                _ => 2.575681976803179,
            };
            Assert.Equal(1, scalar[0] / expected, 1e-4);
            References.AssertClose(References.Array("vgg", $"style_grad_{name}.npy"), Onnx.Array.Of(gradient, input), name);
        }
    }

    [Theory]
    [InlineData("vgg", "vgg_op13_folded", "/m/features.11/Relu_output_0")]
    [InlineData("resnet_v1", "resnet_v1_op17_bn", "/m/l2/l2.0/r/Relu_output_0")]
    [InlineData("resnet_v1", "resnet_v1_op11_folded", "/m/l2/l2.0/r/Relu_output_0")]
    public void The_ascent_of_a_filter_agrees_with_the_references(string net, string file, string tap)
    {
        var folder = References.Path(net);
        var graph = Graph.Load($"{folder}/{file}.onnx");
        var x = References.Array(net, "x.npy");
        var (_, gradient) = Differentiate(graph, Losses.FilterMean(graph, tap, filter: 5), x.Floats, x.Shape, [2]);

        References.AssertClose(References.Array(net, "ascent_grad0.npy"), Onnx.Array.Of(gradient, x.Shape), "input");
    }

    private static Graph Image(int opset, params long[] shape)
    {
        var g = new GraphBuilder(opset);
        g.Output("same", g.Node("Identity", [g.Input("x", ElementType.Float, [.. shape.Select(size => (Dimension)size)])]));
        return g.Build();
    }

    private static (float[] Loss, float[] Gradient) Differentiate(Graph graph, string loss, float[] input, long[] shape, params long[] seed)
    {
        graph.AddOutput(new Value(loss, ElementType.Float, null));
        var differentiated = Gradients.Of(graph, new([loss], [graph.Inputs[0].Name]), Probe.With());
        var ones = Enumerable.Repeat(1f, seed.Length == 0 ? 1 : (int)seed[0]).ToArray();
        var outputs = Onnx.Run(differentiated.Graph, Onnx.Array.Of(input, shape), Onnx.Array.Of(ones, seed));
        return (outputs[^2].Floats, outputs[^1].Floats);
    }

    private static (float[] First, float[] Second) Halves(float[] elements) =>
        (elements[..(elements.Length / 2)], elements[(elements.Length / 2)..]);
}
