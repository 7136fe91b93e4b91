using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Segmentation;
using VisionService.Tests.Detection;

namespace VisionService.Tests.Segmentation;

/// <summary>Which numbers of a map speak for a class, on maps of a few cells.</summary>
public sealed class SegmenterTraceTests
{
    private static readonly InputGeometry Stretch = new(2, 2, ResizeMode.Stretch);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Scores_speak_for_a_class_where_it_is_the_best(bool isInterleaved)
    {
        // Three classes in 2 x 2 cells. Best: 1 2 / 1 0; the tie in the last cell goes to the lower class.
        float[][] cells = [[0, 3, 1], [1, 0, 2], [0, 1, 0], [5, 5, 0]];
        using var tensors = isInterleaved
            ? new OutputTensors().Add("scores", [1, 2, 2, 3], [.. cells.SelectMany(static cell => cell)])
            : new OutputTensors().Add(
                "scores", [1, 3, 2, 2], [.. Enumerable.Range(0, 3).SelectMany(c => cells.Select(cell => cell[c]))]);
        var reading = new OutputReading(SegmentationForm.Scores, 0) { IsInterleaved = isInterleaved };
        Assert.Equal(isInterleaved ? [(1, 1f), (7, 1f)] : [(4, 1f), (6, 1f)], Trace(reading, tensors, 1));
        Assert.Equal(isInterleaved ? [(9, 1f)] : [(3, 1f)], Trace(reading, tensors, 0));
        Assert.Equal([(1, 2L), (2, 1L)], Coverage(reading, tensors, background: 0));
        Assert.Equal([(1, 2L), (0, 1L), (2, 1L)], Coverage(reading, tensors, background: null));
    }

    [Fact]
    public void Cells_of_mere_padding_do_not_count()
    {
        // A picture of 4 x 2 in the middle rows of 4 x 4; class 1 wins everywhere.
        var letterbox = new InputGeometry(4, 4, ResizeMode.Letterbox);
        using var tensors = new OutputTensors().Add(
            "scores", [1, 2, 4, 4], [.. Enumerable.Repeat(0f, 16), .. Enumerable.Repeat(1f, 16)]);
        var reading = new OutputReading(SegmentationForm.Scores, 0);
        Assert.Equal(
            Enumerable.Range(16 + 4, 8).Select(static index => (index, 1f)),
            Trace(reading, tensors, 1, Segmenter(reading, 0, letterbox), width: 4, height: 2));
    }

    [Theory]
    [InlineData(false, null, new[] { 0.2f, 0.6f, 0.9f, 0.5f }, new[] { 1, 2 })]
    [InlineData(false, 0.7f, new[] { 0.2f, 0.6f, 0.9f, 0.5f }, new[] { 2 })]
    [InlineData(false, null, new[] { -1, 0.1f, 3, -0.1f }, new[] { 1, 2 })] // logits
    [InlineData(true, null, new[] { 0.1f, 0.2f, 0.5f, 0.4f }, new[] { 2, 3 })] // stretched: .25 is above .5 - .2
    public void A_matte_speaks_for_the_foreground_inside_and_against_it_outside(
        bool isMinMax, float? minScore, float[] opacities, int[] inside)
    {
        using var tensors = new OutputTensors().Add("matte", [1, 1, 2, 2], opacities);
        var reading = new OutputReading(SegmentationForm.Matte, 0) { IsMinMax = isMinMax };
        var outside = Enumerable.Range(0, 4).Except(inside);
        Assert.Equal(inside.Select(static index => (index, 1f)), Trace(reading, tensors, 1, minScore: minScore));
        Assert.Equal(outside.Select(static index => (index, -1f)), Trace(reading, tensors, 0, minScore: minScore));
    }

    [Fact]
    public void The_foreground_is_what_a_matte_shows()
    {
        using var tensors = new OutputTensors().Add("matte", [1, 2, 2, 1], 0.2f, 0.1f, 0.9f, 0.5f);
        Assert.Equal([(1, 1L)], Coverage(new OutputReading(SegmentationForm.Matte, 0), tensors, background: 0));
    }

    [Fact]
    public void Queries_speak_inside_their_masks_for_the_class_they_most_likely_are()
    {
        // Two classes and nothing: queries 0 and 3 are class 0, 1 is class 1, 2 is nothing. Four cells each.
        using var tensors = new OutputTensors()
            .Add("class_queries_logits", [1, 4, 3], 9f, 0, 0, 0, 9, 0, 0, 0, 9, 2, 1, 1)
            .Add("masks_queries_logits", [1, 4, 2, 2], 3f, 3, -3, -3, -3, -3, -3, 3, 3, 3, 3, 3, -3, -3, 1, -3);
        var reading = new OutputReading(SegmentationForm.MaskQueries, 0, 1);
        Assert.Equal([(0, 1f), (1, 1f), (14, 1f)], Trace(reading, tensors, 0));
        Assert.Equal([(7, 1f)], Trace(reading, tensors, 1));
        Assert.Equal([], Trace(reading, tensors, 2));
        Assert.Equal([(0, 3L), (1, 1L)], Coverage(reading, tensors, background: null));
        Assert.All(Elements(Segmenter(reading), tensors, 0), static element => Assert.Equal(1, element.Output));
    }

    [Fact]
    public void What_the_graph_chose_has_cells_but_no_elements()
    {
        using var tensors = new OutputTensors().Add("ids", [1, 2, 2], 3L, 0, 3, -1);
        var reading = new OutputReading(SegmentationForm.Indices, 0);
        Assert.Equal([], Trace(reading, tensors, 3));
        Assert.Equal([(3, 2L)], Coverage(reading, tensors, background: 0));
    }

    [Fact]
    public void Objects_are_the_detectors_to_trace()
    {
        using var tensors = new OutputTensors()
            .Add("boxes", [1, 38, 4], new float[38 * 4])
            .Add("masks", [1, 32, 2, 2], new float[128]);
        var reading = new OutputReading(SegmentationForm.Prototypes, 0, 1);
        var segmenter = new Segmenter(Stretch, 3, reading, null, static (_, _) => []);
        Assert.Equal([], Elements(segmenter, tensors, 0));
    }

    private static Segmenter Segmenter(OutputReading reading, int? background = null, InputGeometry? geometry = null) =>
        new(geometry ?? Stretch, 3, reading, background, findObjects: null);

    private static IEnumerable<(int Index, float Weight)> Trace(
        OutputReading reading, OutputTensors tensors, int classId, Segmenter? segmenter = null, float? minScore = null,
        int width = 2, int height = 2) =>
        Elements(segmenter ?? Segmenter(reading), tensors, classId, minScore, width, height)
            .Select(static element => (element.Index, element.Weight));

    private static OutputElement[] Elements(
        Segmenter segmenter, OutputTensors tensors, int classId, float? minScore = null, int width = 2, int height = 2)
    {
        using var image = new RgbImage(width, height);
        return segmenter.Trace(new SegmentRequest(image, null, minScore, null, 100), tensors.Read(), classId);
    }

    private static IReadOnlyList<(int ClassId, long Cells)> Coverage(
        OutputReading reading, OutputTensors tensors, int? background)
    {
        using var image = new RgbImage(2, 2);
        var request = new SegmentRequest(image, null, null, null, 100);
        return Segmenter(reading, background).Coverage(request, tensors.Read());
    }
}
