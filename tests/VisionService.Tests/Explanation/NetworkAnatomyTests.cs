using System.Text.Json;
using OnnxGraph;
using VisionService.Explanation;
using VisionService.Inference;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Explanation;

public class NetworkAnatomyTests
{
    /// <summary>Where people who explain these networks by hand put their hook.</summary>
    [Theory]
    [InlineData("vgg")]
    [InlineData("resnet_v1")]
    [InlineData("densenet")]
    [InlineData("mobilenet_v2")]
    [InlineData("vit")]
    [InlineData("zoo_a")]
    public void The_layer_before_the_head_of_a_classifier_is_its_last_activation(string net)
    {
        foreach (var (graph, feature, input) in Exports(net))
        {
            Assert.Equal(feature, Anatomy(graph, input).BeforeHead("logits")?.Name);
        }
    }

    [Fact]
    public void The_layer_of_a_map_is_at_the_bottleneck()
    {
        foreach (var (graph, feature, input) in Exports("unet"))
        {
            Assert.Equal(feature, Anatomy(graph, input).Bottleneck("seg")?.Name);
        }
    }

    [Fact]
    public void A_detector_has_one_layer_for_each_scale()
    {
        foreach (var (graph, feature, input) in Exports("yolo"))
        {
            var layers = Anatomy(graph, input).BeforeHeads(["output0"]);
            Assert.Equal([(8, 12), (4, 6)], layers.Select(layer => (layer.Grid!.Height, layer.Grid.Width)).OrderDescending());
            Assert.Contains(feature, layers.Select(layer => layer.Name));
        }
    }

    [Theory]
    [InlineData(3, 1, "feature")] // of the tower's activation each box would show its own cell alone
    [InlineData(3, 3, "tower")]
    [InlineData(1, 1, "tower")]   // nothing sees more than a cell: the last one is as good as any
    public void The_layer_of_a_scale_is_one_of_which_a_box_sees_several_cells(int tower, int last, string layer)
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Name(g.Relu(Convolution(g.Input("input", ElementType.Float, 1, 3, 8, 8), 3, 3)), "feature");
        x = g.Name(g.Relu(Convolution(x, 4, tower)), "tower");
        g.Output("rows", Convolution(x, 4, last));

        Assert.Equal([layer], Anatomy(g.Build(), new ModelInput(3, 8, 8)).BeforeHeads(["rows"]).Select(found => found.Name));

        string Convolution(string from, int channels, int kernel) => g.Conv(
            from, g.Constant(new float[4 * channels * kernel * kernel], 4, channels, kernel, kernel), padding: kernel / 2);
    }

    [Fact]
    public void Scores_are_taken_before_what_flattens_them()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Name(g.Relu(g.Input("input", ElementType.Float, 1, 4)), "logits");
        var (scale, zero) = (g.Constant([0.1f]), g.Constant([(byte)0]));
        var rounded = g.Node("DequantizeLinear", [g.Node("QuantizeLinear", [x, scale, zero]), scale, zero]);
        g.Output("rounded", rounded).Output("scores", g.Node("Identity", [g.Softmax(rounded)]));
        var anatomy = Anatomy(g.Build(), new ModelInput(3, 8, 8));

        Assert.Equal("logits", anatomy.Logits("scores"));
        Assert.Equal("logits", anatomy.Logits("rounded"));
        Assert.Equal("logits", anatomy.Logits("logits"));
    }

    private static NetworkAnatomy Anatomy(Graph graph, ModelInput input) =>
        new(graph, "input", input, GraphProbes.RunAll(graph));

    private static IEnumerable<(Graph Graph, string Feature, ModelInput Input)> Exports(string net)
    {
        var folder = SharedFiles.Path("explain");
        using var manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")));
        var described = manifest.RootElement.GetProperty("nets").GetProperty(net);
        var shape = described.GetProperty("input").GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()).ToArray();
        foreach (var export in described.GetProperty("exports").EnumerateArray())
        {
            var graph = Graph.Load(Path.Combine(folder, net, export.GetProperty("file").GetString()!));
            yield return (graph, export.GetProperty("taps").GetProperty("feat").GetString()!, new ModelInput(shape[1], shape[2], shape[3]));
        }
    }
}
