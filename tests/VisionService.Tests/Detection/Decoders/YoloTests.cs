using VisionService.Detection;
using VisionService.Detection.Decoders;
using VisionService.Inference;
using static VisionService.Tests.Detection.Expect;

namespace VisionService.Tests.Detection.Decoders;

/// <summary>The YOLO heads with one output, on rows by hand.</summary>
public sealed class YoloTests
{
    private static readonly ModelInput Small = new(3, 64, 64);

    [Fact]
    public void V8_reads_columns()
    {
        // Two anchors, two classes: rows cx, cy, w, h, class 0, class 1.
        using var outputs = new OutputTensors().Add(
            "output0", [1, 6, 2], 10f, 30, 20, 40, 4, 6, 8, 10, 0.1f, 0.3f, 0.2f, 0.9f);
        One(outputs.Decode(new YoloV8(0, 2)), 1, 0.9f, 27, 35, 33, 45);
    }

    [Fact]
    public void V8_finds_in_every_block_and_remainder_what_a_plain_loop_finds()
    {
        const int Anchors = 2101;
        var random = new Random(9);
        var values = new float[(4 + 7) * Anchors];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = i < 4 * Anchors ? 1 + (random.NextSingle() * 50) : random.NextSingle();
        }

        values[(4 * Anchors) + 5] = float.NaN;
        using var outputs = new OutputTensors().Add("output0", [1, 11, Anchors], values);
        using var candidates = Candidates.Rent(new ScoreFilter(0.8f));
        new YoloV8(0, 7).Decode(outputs.Read(), candidates);
        var expected = from anchor in Enumerable.Range(0, Anchors)
                       let classes = Enumerable.Range(0, 7).Select(c => values[((4 + c) * Anchors) + anchor])
                       let best = classes.Where(static c => !float.IsNaN(c)).Max()
                       where best >= 0.8f
                       select (anchor, classes.ToList().IndexOf(best), best);
        Assert.Equal(
            expected,
            Enumerable.Range(0, candidates.Count).Select(i => (candidates.Rows[i], candidates.ClassIds[i], candidates.Scores[i])));
    }

    [Fact]
    public void V8_pose_gives_key_points()
    {
        using var outputs = new OutputTensors().Add("output0", [1, 8, 1], 10f, 20, 4, 8, 0.9f, 11, 21, 0.5f);
        var person = One(outputs.Decode(new YoloV8(0, 1, keyPointCount: 1)), 0, 0.9f, 8, 16, 12, 24);
        Assert.Equal(new KeyPoint(11, 21, 0.5f), Assert.Single(person.KeyPoints));
    }

    [Fact]
    public void V8_leaves_mask_coefficients_to_be_found_by_row()
    {
        using var outputs = new OutputTensors().Add("output0", [1, 7, 2], 1f, 30, 1, 40, 1, 6, 1, 10, 0, 0.9f, -1, -2, -3, -4);
        using var candidates = Candidates.Rent(new ScoreFilter(0.25f));
        new YoloV8(0, 1).Decode(outputs.Read(), candidates);
        Assert.Equal([1], candidates.Rows.ToArray());
    }

    [Fact]
    public void V5_multiplies_objectness_and_class()
    {
        using var outputs = new OutputTensors().Add(
            "output", [1, 2, 7], 30f, 40, 6, 10, 0.8f, 0.1f, 0.5f, 30, 40, 6, 10, 0.2f, 1, 1);
        One(outputs.Decode(new YoloV5(0, 2)), 1, 0.4f, 27, 35, 33, 45);
    }

    [Fact]
    public void Yolox_undoes_cell_stride_and_logarithm()
    {
        // Strides 16 and 32 of 64 x 64: 4 x 4 and 2 x 2 cells; the last is cell (1, 1) of stride 32.
        var values = new float[20 * 6];
        ReadOnlySpan<float> last = [0.5f, 0.25f, 0, MathF.Log(2), 0.9f, 0.5f];
        last.CopyTo(values.AsSpan(19 * 6));
        using var outputs = new OutputTensors().Add("output", [1, 20, 6], values);
        // Centre (1.5 * 32, 1.25 * 32) = (48, 40), sides 32 and 64.
        One(outputs.Decode(new Yolox(0, 1, Small, [16, 32])), 0, 0.45f, 32, 8, 64, 72);
    }

    [Fact]
    public void End_to_end_rows_stop_mattering_where_padding_starts()
    {
        using var outputs = new OutputTensors().Add(
            "output0", [1, 3, 6], 1f, 2, 3, 4, 0.9f, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        One(outputs.Decode(new DetectionRows(0, RowLayout.EndToEnd), 0), 7, 0.9f, 1, 2, 3, 4);
    }

    [Fact]
    public void V1_cells_have_boxes_then_classes()
    {
        // 2 x 2 cells, two boxes, one class: 11 numbers; cell (1, 0), second box: centre (1.5, .5) cells of 32, a
        // quarter by a half of 64.
        var values = new float[44];
        ReadOnlySpan<float> cell = [0, 0, 1, 1, 0, 0.5f, 0.5f, 0.25f, 0.5f, 0.8f, 0.75f];
        cell.CopyTo(values.AsSpan(11));
        using var outputs = new OutputTensors().Add("cells", [1, 44], values);
        One(outputs.Decode(new YoloV1(0, 2, 1, Small)), 0, 0.6f, 40, 0, 56, 32);
    }

    [Fact]
    public void V1_sides_may_be_square_roots()
    {
        using var outputs = new OutputTensors().Add("cells", [1, 1, 1, 6], 0.5f, 0.5f, 0.5f, 0.5f, 1, 1);
        One(outputs.Decode(new YoloV1(0, 1, 1, Small) { HasSquareRoots = true }), 0, 1, 24, 24, 40, 40);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_grid_of_the_textbook_reads_both_layouts(bool isPlanar)
    {
        // 2 x 1 cells of 32 x 64; the right one: class 1 of 2, objectness .8, centre in the middle, half the cell wide
        // and high.
        float[] right = [0.25f, 0.75f, 0.8f, 0.5f, 0.5f, 0.5f, 0.5f];
        using var outputs = isPlanar
            ? new OutputTensors().Add("grid", [1, 7, 1, 2], [.. right.SelectMany(static value => new[] { 0, value })])
            : new OutputTensors().Add("grid", [1, 1, 2, 7], [.. new float[7], .. right]);
        One(outputs.Decode(new FullyConvolutionalGrid(0, 2, Small)), 1, 0.6f, 40, 16, 56, 48);
    }

    [Fact]
    public void The_grid_of_the_textbook_may_look_at_overlapping_windows()
    {
        // Windows of 32 over 64 in steps of 16: three cells a row; logits: softmax of (0, 0) is .5, sigmoids of 0 are
        // .5.
        var values = new float[3 * 3 * 7];
        Array.Fill(values, -20, 0, values.Length);
        ReadOnlySpan<float> centre = [0, 0, 20, 0, 0, 1, 0.5f];
        centre.CopyTo(values.AsSpan(4 * 7));
        using var outputs = new OutputTensors().Add("grid", [1, 3, 3, 7], values);
        var grid = new FullyConvolutionalGrid(0, 2, Small) { Window = (32, 32), HasLogits = true, HasHeightFirst = true };
        One(outputs.Decode(grid), 0, 0.5f, 24, 16, 40, 48); // window (16, 16) to (48, 48): height 1, width half
    }
}
