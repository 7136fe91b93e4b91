using OnnxGraph;

namespace VisionService.Tests.Repository;

public class UnknownOperatorsTests
{
    [Fact]
    public async Task All_operators_that_the_runtime_lacks_are_named()
    {
        var graph = TinyModels.Colors();
        Append(graph, "Mystify", "");
        Append(graph, "Frobnicate", "");
        Append(graph, "Softmax", ""); // which is there
        Assert.Equal(
            "ONNX Runtime lacks the operators ai.onnx:Mystify of opset 13 (nodes 'Mystify 0'); "
            + "ai.onnx:Frobnicate of opset 13 (nodes 'Frobnicate 0'). "
            + "The model was exported for another runtime, or needs a newer one.",
            await ProblemAsync(graph));
    }

    [Theory]
    [InlineData("com.microsoft", "Frobnicate")]
    [InlineData("mmdeploy", "TRTBatchedNMS")]
    [InlineData("TRT", "EfficientNMS_TRT")]
    public async Task Those_of_other_domains_are_named_before_anything_else_is_said(string domain, string opType)
    {
        var graph = TinyModels.TwoInputs();
        for (var i = 0; i < 5; i++)
        {
            Append(graph, opType, domain);
        }

        Assert.Equal(
            $"ONNX Runtime lacks the operator {domain}:{opType} "
            + $"(nodes '{opType} 0', '{opType} 1', '{opType} 2' and 2 more). "
            + "The model was exported for another runtime, or needs a newer one.",
            await ProblemAsync(graph));
    }

    [Fact]
    public async Task One_that_only_TensorRT_has_is_named()
    {
        var graph = TinyModels.Colors();
        var boxes = graph.AddInitializer("boxes", Tensor.Of(new float[8], 1, 2, 4));
        var scores = graph.AddInitializer("rates", Tensor.Of(new float[6], 1, 2, 3));
        graph.Append(new Node(
            "EfficientNMS_TRT",
            [boxes, scores],
            ["num_dets", "det_boxes", "det_scores", "det_classes"],
            ("score_threshold", 0.25f),
            ("iou_threshold", 0.5f),
            ("max_output_boxes", 100),
            ("background_class", -1),
            ("score_activation", 0),
            ("box_coding", 1),
            ("plugin_version", "1"))
        { Name = "nms" });
        Assert.StartsWith(
            "ONNX Runtime lacks the operator ai.onnx:EfficientNMS_TRT of opset 13 (nodes 'nms'). ",
            await ProblemAsync(graph),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_is_there_for_other_types_only_is_named()
    {
        var graph = TinyModels.Colors();
        var shorts = graph.Append(new Node("Cast", [graph.Outputs[0].Name], [graph.FreshName("shorts")], ("to", 4))).Outputs[0];
        graph.Append(new Node("BitShift", [shorts, shorts], [graph.FreshName("more")], ("direction", "LEFT")) { Name = "odd" });
        Assert.StartsWith(
            "ONNX Runtime lacks the operator ai.onnx:BitShift of opset 13 (nodes 'odd'). ",
            await ProblemAsync(graph),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_operator_of_the_runtimes_own_is_none_of_them()
    {
        var graph = TinyModels.Colors();
        Append(graph, "Gelu", "com.microsoft");
        Assert.Equal("", await ProblemAsync(graph));
    }

    /// <summary>Puts a node behind the graph's output, named after its operator and counted.</summary>
    private static void Append(Graph graph, string opType, string domain)
    {
        var name = $"{opType} {graph.Nodes.Count(node => node.OpType == opType)}";
        graph.Append(new Node(opType, [graph.Outputs[0].Name], [graph.FreshName("more")]) { Name = name, Domain = domain });
    }

    private static async Task<string> ProblemAsync(Graph graph)
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("m", graph, "input: {preset: unit}", ModelFolder.ColorLabels));
        return service.Models.Entries[0].Problem ?? "";
    }
}
