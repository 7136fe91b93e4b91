using VisionService.Detection;
using VisionService.Detection.Decoders;
using VisionService.Inference;
using static VisionService.Tests.Detection.Expect;

namespace VisionService.Tests.Detection.Decoders;

public sealed class FaceDecodersTests
{
    private static readonly ModelInput Input = new(3, 32, 32);

    [Fact]
    public void YuNet_takes_the_root_of_both_scores()
    {
        // Stride 16, cell (1, 0): centre (1.5, .25) * 16, sides e^0 and e^ln.5.
        float[] points = [0.5f, 0.25f, 0, 0, 0, 0, 0, 0, 0, 0];
        using var outputs = new OutputTensors()
            .Add("cls", [1, 4, 1], 0f, 0.9f, 0, 0)
            .Add("obj", [1, 4, 1], 0f, 0.4f, 0, 0)
            .Add("bbox", [1, 4, 4], [0, 0, 0, 0, 0.5f, 0.25f, 0, MathF.Log(0.5f), .. new float[8]])
            .Add("kps", [1, 4, 10], [.. new float[10], .. points, .. new float[20]]);
        var face = One(outputs.Decode(new YuNet([new(16, 0, 1, 2, 3)], Input)), 0, 0.6f, 16, 0, 32, 8);
        Assert.Equal(new KeyPoint(24, 4, 1), face.KeyPoints[0]);
        Assert.Equal(new KeyPoint(16, 0, 1), face.KeyPoints[4]);
    }

    [Fact]
    public void Scrfd_measures_two_rows_a_cell_from_its_corner()
    {
        // Stride 16: row 3 is the second of cell (1, 0), at (16, 0).
        var (scores, distances, points) = (new float[8], new float[32], new float[80]);
        scores[3] = 0.8f;
        new float[] { 0.5f, 0, 0.25f, 1 }.CopyTo(distances, 12);
        new float[] { -0.25f, 0.5f }.CopyTo(points, 30);
        using var outputs = new OutputTensors()
            .Add("s", [8, 1], scores).Add("b", [8, 4], distances).Add("k", [8, 10], points);
        var face = One(outputs.Decode(new Scrfd([new(16, 0, 1, 2)], Input)), 0, 0.8f, 8, 0, 20, 16);
        Assert.Equal(new KeyPoint(12, 8, 1), face.KeyPoints[0]);
    }

    [Fact]
    public void BlazeFace_measures_in_pixels_from_the_centre_of_a_cell()
    {
        // 128 x 128: row 512 + 6 is the first of cell (1, 0) on the map of 8 x 8, centre (24, 8).
        var (logits, boxes) = (new float[896], new float[896 * 16]);
        Array.Fill(logits, -20);
        logits[518] = Logit(0.9f);
        new float[] { 6, 2, 20, 10, 1, -1 }.CopyTo(boxes, 518 * 16);
        using var outputs = new OutputTensors().Add("r", [1, 896, 16], boxes).Add("c", [1, 896, 1], logits);
        var face = One(outputs.Decode(new BlazeFace(1, 0, 896, new ModelInput(3, 128, 128))), 0, 0.9f, 20, 5, 40, 15);
        Assert.Equal(new KeyPoint(25, 7, 1), face.KeyPoints[0]);
        Assert.Equal(6, face.KeyPoints.Count);
    }
}
