using VisionService.Inference;
using VisionService.Segmentation;

namespace VisionService.Tests.Segmentation;

public sealed class OutputReadingTests
{
    [Fact]
    public void DeepLab_in_TensorFlow_keeps_classes_last() =>
        Assert.Equal(
            [new OutputReading(SegmentationForm.Scores, 0) { IsInterleaved = true }],
            Of(257, 257, 21, ("ResizeBilinear_3", [1, 257, 257, 21])));

    [Fact]
    public void SegFormer_answers_at_a_quarter() =>
        Assert.Equal(
            [new OutputReading(SegmentationForm.Scores, 0)], Of(512, 512, 150, ("logits", [1, 150, 128, 128])));

    [Fact]
    public void Sides_that_vary_are_places() =>
        Assert.Equal([new OutputReading(SegmentationForm.Scores, 0)], Of(512, 512, 0, ("logits", [-1, 150, -1, -1])));

    [Fact]
    public void Torchvisions_answer_is_out_not_aux() =>
        Assert.Equal(
            [new OutputReading(SegmentationForm.Scores, 1)],
            Of(520, 520, 21, ("aux", [1, 21, 520, 520]), ("out", [1, 21, 520, 520])));

    [Theory]
    [InlineData(1, 144, 256, 1)]
    [InlineData(1, 1, 144, 256)]
    public void One_channel_is_a_matte(int a, int b, int c, int d) =>
        Assert.Equal([new OutputReading(SegmentationForm.Matte, 0)], Of(256, 144, 0, ("segment_back", [a, b, c, d])));

    [Fact]
    public void The_first_of_seven_mattes_is_U2Nets()
    {
        var seven = Enumerable.Range(1959, 7).Select(name => ($"{name}", new long[] { 1, 1, 320, 320 })).ToArray();
        Assert.Equal([new OutputReading(SegmentationForm.Matte, 0) { IsMinMax = true }], Of(320, 320, 0, seven));
    }

    [Theory]
    [InlineData(116, 8400)]
    [InlineData(25200, 117)]
    [InlineData(300, 38)]
    public void YOLO_has_boxes_and_prototypes(int a, int b) =>
        Assert.Equal(
            [new OutputReading(SegmentationForm.Prototypes, 0, 1)],
            Of(640, 640, 80, ("output0", [1, a, b]), ("output1", [1, 32, 160, 160])));

    [Fact]
    public void MaskFormer_says_so() =>
        Assert.Equal(
            [new OutputReading(SegmentationForm.MaskQueries, 0, 1)],
            Of(512, 512, 150, ("class_queries_logits", [1, 100, 151]), ("masks_queries_logits", [1, 100, 128, 128])));

    [Fact]
    public void RF_DETR_has_a_mask_for_each_box() =>
        Assert.Equal(
            [new OutputReading(SegmentationForm.BoxQueries, 0, 2)],
            Of(432, 432, 90, ("dets", [1, 200, 4]), ("labels", [1, 200, 91]), ("masks", [1, 200, 108, 108])));

    [Theory]
    [InlineData(28, nameof(SegmentationForm.BoxMasks))]
    [InlineData(-1, nameof(SegmentationForm.PastedMasks))]
    public void Mask_RCNN_masks_are_small_or_pasted(int side, string form) =>
        Assert.Equal(
            [new OutputReading(Enum.Parse<SegmentationForm>(form), 0, 3)],
            Of(800, 800, 81, ("6568", [-1, 4]), ("6570", [-1]), ("6572", [-1]), ("6887", [-1, 1, side, side])));

    [Fact]
    public void Integers_are_class_ids()
    {
        OutputShape output = new("SemanticPredictions:0", [1, 513, 513], IsFloat: false);
        Assert.Equal([new OutputReading(SegmentationForm.Indices, 0)], OutputReading.Of([output], 513, 513));
    }

    [Fact]
    public void Where_two_readings_fit_both_are_named_and_labels_decide()
    {
        Assert.Equal(2, Of(64, 64, 0, ("x", [1, 64, 64, 64])).Count);
        Assert.Equal([new OutputReading(SegmentationForm.Scores, 0)], Of(64, 64, 63, ("x", [1, 63, 64, 64])));
        Assert.Equal(
            [new OutputReading(SegmentationForm.Scores, 0) { IsInterleaved = true }],
            Of(64, 64, 63, ("x", [1, 64, 64, 63])));
    }

    [Fact]
    public void Class_scores_are_no_map() => Assert.Empty(Of(224, 224, 1000, ("output", [1, 1000])));

    private static IReadOnlyList<OutputReading> Of(
        int width, int height, int classes, params (string Name, long[] Shape)[] outputs) =>
        OutputReading.Of(
            [.. outputs.Select(output => new OutputShape(output.Name, output.Shape))], width, height, classes);
}
