using VisionService.Detection;
using VisionService.Detection.Decoders;
using VisionService.Inference;
using static VisionService.Tests.Detection.Expect;

namespace VisionService.Tests.Detection.Decoders;

/// <summary>Heads with anchors: a box is coded by the paper's formula and must come back.</summary>
public sealed class AnchorMapsTests
{
    private static readonly ModelInput Input = new(3, 64, 96);
    private static readonly Box Box = new(34, 3, 70, 43); // centre (52, 23): cell (1, 0) of stride 32, a share of .625 and .71875

    [Fact]
    public void V2_comes_back()
    {
        // One anchor of 20 x 50, softmax over two classes with logits ln 3 and 0: 3/4.
        float[] at = [Logit(0.625f), Logit(0.71875f), MathF.Log(36f / 20), MathF.Log(40f / 50), Logit(0.8f), MathF.Log(3), 0];
        using var outputs = Planar(at, anchor: 0, anchors: 1);
        One(outputs.Decode(new AnchorMaps([0], [[20, 50]], AnchorCoding.YoloV2, 2, Input)), 0, 0.6f, 34, 3, 70, 43);
    }

    [Fact]
    public void V3_comes_back_with_a_sigmoid_per_class()
    {
        float[] at = [Logit(0.625f), Logit(0.71875f), MathF.Log(36f / 20), MathF.Log(40f / 50), Logit(0.8f), Logit(0.1f), Logit(0.5f)];
        using var outputs = Planar(at, anchor: 1, anchors: 3);
        var decoder = new AnchorMaps([0], [[1, 1, 20, 50, 9, 9]], AnchorCoding.YoloV3, 2, Input);
        One(outputs.Decode(decoder), 1, 0.4f, 34, 3, 70, 43);
    }

    [Fact]
    public void V4_comes_back_from_channels_last_with_scores_activated()
    {
        // sigmoid * 1.2 - .1 = .625, so the sigmoid is .725 / 1.2.
        float[] at = [Logit(0.725f / 1.2f), Logit(0.81875f / 1.2f), MathF.Log(36f / 20), MathF.Log(40f / 50), 0.8f, 0.1f, 0.5f];
        var values = new float[2 * 3 * 3 * 7];
        at.CopyTo(values, ((1 * 3) + 2) * 7); // cell (1, 0), third anchor
        using var outputs = new OutputTensors().Add("map", [1, 2, 3, 3, 7], values);
        var decoder = new AnchorMaps([0], [[1, 1, 9, 9, 20, 50]], AnchorCoding.YoloV4, 2, Input);
        One(outputs.Decode(decoder), 1, 0.4f, 34, 3, 70, 43);
    }

    [Fact]
    public void V7_comes_back_from_anchors_first()
    {
        // 2 sigmoid - .5 = .625; (2 sigmoid)^2 = 36 / 20.
        float[] at =
        [
            Logit(1.125f / 2), Logit(1.21875f / 2), Logit(MathF.Sqrt(36f / 20) / 2), Logit(MathF.Sqrt(40f / 50) / 2),
            Logit(0.8f), Logit(0.1f), Logit(0.5f),
        ];
        var values = new float[3 * 2 * 3 * 7];
        Array.Fill(values, -20);
        at.CopyTo(values, ((2 * 6) + 1) * 7); // third anchor, cell (1, 0)
        using var outputs = new OutputTensors().Add("map", [1, 3, 2, 3, 7], values);
        var decoder = new AnchorMaps([0], [[1, 1, 9, 9, 20, 50]], AnchorCoding.YoloV5, 2, Input);
        One(outputs.Decode(decoder), 1, 0.4f, 34, 3, 70, 43);
    }

    [Fact]
    public void Rows_number_the_cells_of_all_levels()
    {
        using var outputs = new OutputTensors()
            .Add("fine", [1, 6, 4, 6], new float[6 * 24])
            .Add("coarse", [1, 6, 2, 3], new float[6 * 6]);
        using var candidates = Candidates.Rent(new ScoreFilter(0.2f));
        new AnchorMaps([0, 1], [[8, 8], [8, 8]], AnchorCoding.YoloV3, 1, Input).Decode(outputs.Read(), candidates);
        Assert.Equal(Enumerable.Range(0, 30), candidates.Rows.ToArray());
    }

    [Fact]
    public void Yolo_FastestV2_shares_classes_among_anchors()
    {
        // Cells of 32: per cell 3 x 4 box numbers, 3 objectness, 1 class; second anchor 20 x 50.
        var values = new float[6 * 16];
        float[] box = [1.125f / 2, 1.21875f / 2, MathF.Sqrt(36f / 20) / 2, MathF.Sqrt(40f / 50) / 2];
        box.CopyTo(values, 16 + 4);
        (values[16 + 13], values[16 + 15]) = (0.8f, 0.5f);
        using var outputs = new OutputTensors().Add("map", [1, 2, 3, 16], values);
        var decoder = new YoloFastestV2([0], [[1, 1, 20, 50, 9, 9]], 1, Input);
        One(outputs.Decode(decoder), 0, 0.4f, 34, 3, 70, 43);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void FastestDet_comes_back_from_both_layouts(bool isPlanar)
    {
        // Cell (1, 0) of stride 32: centre (1 + .625, .71875), sides as shares of the input. Score .8^.6 * .5^.4.
        float[] at = [0.8f, MathF.Atanh(0.625f), MathF.Atanh(0.71875f), Logit(36f / 96), Logit(40f / 64), 0.1f, 0.5f];
        var rows = new float[6 * 7];
        at.CopyTo(rows, 7);
        using var outputs = isPlanar ? Planar(at, 0, 1, empty: 0) : new OutputTensors().Add("rows", [1, 6, 7], rows);
        var decoder = new FastestDet(0, 2, Input, stride: 32);
        One(outputs.Decode(decoder), 1, MathF.Pow(0.8f, 0.6f) * MathF.Pow(0.5f, 0.4f), Box.XMin, Box.YMin, Box.XMax, Box.YMax);
    }

    /// <summary>[1, anchors * channels, 2, 3] with one cell, (1, 0), filled.</summary>
    private static OutputTensors Planar(float[] at, int anchor, int anchors, float empty = -20)
    {
        var values = new float[anchors * at.Length * 6];
        Array.Fill(values, empty);
        for (var k = 0; k < at.Length; k++)
        {
            values[(((anchor * at.Length) + k) * 6) + 1] = at[k];
        }

        return new OutputTensors().Add("map", [1, anchors * at.Length, 2, 3], values);
    }
}
