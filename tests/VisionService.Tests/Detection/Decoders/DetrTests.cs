using VisionService.Detection.Decoders;
using VisionService.Inference;
using static VisionService.Tests.Detection.Expect;

namespace VisionService.Tests.Detection.Decoders;

public sealed class DetrTests
{
    private static readonly ModelInput Input = new(3, 100, 200);
    private static readonly float[] Shares = [0.2f, 0.3f, 0.2f, 0.4f]; // cxcywh of 20, 10, 60, 50

    [Fact]
    public void Softmax_counts_no_object_but_never_answers_it()
    {
        // Query 0: e^0, e^ln2, e^ln5 (no object): 2/8. Query 1: e^ln6, 1, 1: 6/8.
        using var outputs = new OutputTensors()
            .Add("logits", [1, 2, 3], 0f, MathF.Log(2), MathF.Log(5), MathF.Log(6), 0, 0)
            .Add("pred_boxes", [1, 2, 4], [.. Shares, .. Shares]);
        One(outputs.Decode(new Detr(0, 1, 2, hasSoftmax: true, Input), 0.5f), 0, 0.75f, 20, 10, 60, 50);
    }

    [Fact]
    public void A_sigmoid_per_class_lets_a_query_be_several_objects()
    {
        using var outputs = new OutputTensors()
            .Add("logits", [1, 1, 3], Logit(0.9f), Logit(0.2f), Logit(0.6f))
            .Add("pred_boxes", [1, 1, 4], Shares);
        var found = outputs.Decode(new Detr(0, 1, 3, hasSoftmax: false, Input), 0.5f);
        Assert.Equal([0, 2], found.Select(static o => o.ClassId));
        Near(new(20, 10, 60, 50), found[1].Box);
    }

    [Fact]
    public void The_last_logit_of_rf_detr_is_no_class()
    {
        using var outputs = new OutputTensors()
            .Add("dets", [1, 1, 4], Shares)
            .Add("labels", [1, 1, 3], Logit(0.1f), Logit(0.6f), Logit(0.99f));
        One(outputs.Decode(new Detr(1, 0, 2, hasSoftmax: false, Input)), 1, 0.6f, 20, 10, 60, 50);
    }

    [Fact]
    public void Ultralytics_gives_a_query_its_best_class()
    {
        using var outputs = new OutputTensors().Add("output0", [1, 1, 7], [.. Shares, 0.3f, 0.9f, 0.4f]);
        One(outputs.Decode(new UltralyticsRtDetr(0, 3, Input)), 1, 0.9f, 20, 10, 60, 50);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    public void The_ends_of_the_scale_are_no_trap(float minScore)
    {
        using var outputs = new OutputTensors()
            .Add("logits", [1, 1, 1], 40f)
            .Add("pred_boxes", [1, 1, 4], Shares);
        var found = outputs.Decode(new Detr(0, 1, 1, hasSoftmax: false, Input), minScore);
        Assert.Equal(minScore == 0, found.Count == 1);
    }
}
