using VisionService.Detection.Decoders;
using VisionService.Inference;
using static VisionService.Tests.Detection.Expect;

namespace VisionService.Tests.Detection.Decoders;

public sealed class NanoDetTests
{
    private static readonly ModelInput Input = new(3, 32, 32);

    [Fact]
    public void Plus_measures_from_the_corner_of_a_cell()
    {
        // Stride 16: 2 x 2 cells; cell (1, 1) at (16, 16), distances 1, .5, .25, 0 strides: even weights on bins 0-2,
        // 0-1, ..
        var values = new float[4 * 14];
        Row([0.1f, 0.9f], Bins(1), Bins(0.5f), Bins(0.25f), Bins(0.75f)).CopyTo(values, 3 * 14);
        using var outputs = new OutputTensors().Add("output", [1, 4, 14], values);
        One(outputs.Decode(NanoDet.Plus(0, 2, Input, [16])), 1, 0.9f, 0, 8, 20, 28);
    }

    [Fact]
    public void The_older_head_measures_from_the_centre_of_a_cell()
    {
        var (scores, distances) = (new float[8], new float[4 * 12]);
        scores[7] = 0.9f;
        Row([], Bins(1), Bins(0.5f), Bins(0.25f), Bins(0.75f)).CopyTo(distances, 3 * 12);
        using var outputs = new OutputTensors().Add("cls", [1, 4, 2], scores).Add("dis", [1, 4, 12], distances);
        One(outputs.Decode(NanoDet.Legacy([0], [1], 2, Input, [16])), 1, 0.9f, 8, 16, 28, 36);
    }

    private static float[] Row(float[] scores, params float[][] sides) => [.. scores, .. sides.SelectMany(static side => side)];

    /// <summary>Three bins whose softmax has the given mean, at most 1.</summary>
    private static float[] Bins(float mean) => [MathF.Log(1 - mean + 1e-9f), MathF.Log(mean), -30];
}
