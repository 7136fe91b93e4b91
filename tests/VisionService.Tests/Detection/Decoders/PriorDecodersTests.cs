using VisionService.Detection.Decoders;
using VisionService.Inference;
using static VisionService.Tests.Detection.Expect;

namespace VisionService.Tests.Detection.Decoders;

public sealed class PriorDecodersTests
{
    private static readonly ModelInput Input = new(3, 100, 200);

    [Fact]
    public void Offsets_of_the_ssd_paper_come_back()
    {
        // Prior centre (.25, .25), sides .1 and .2; box 20, 10, 60, 50 has centre (.2, .3), sides .2 and .4.
        float[] offsets = [-0.05f / (0.1f * 0.1f), 0.05f / (0.1f * 0.2f), MathF.Log(2) / 0.2f, MathF.Log(2) / 0.2f];
        using var outputs = new OutputTensors()
            .Add("scores", [1, 1, 3], 0.1f, 0.2f, 0.7f)
            .Add("offsets", [1, 1, 4], offsets);
        var decoder = new Ssd(0, 1, Input) { Priors = [0.25f, 0.25f, 0.1f, 0.2f] };
        One(outputs.Decode(decoder), 1, 0.7f, 20, 10, 60, 50);
    }

    [Fact]
    public void Offsets_of_corners_come_back_from_priors_in_the_graph()
    {
        // Prior .2, .15, .3, .35: corners move by shares of .1 and .2.
        using var outputs = new OutputTensors()
            .Add("scores", [1, 1, 2], 0.1f, 0.9f)
            .Add("offsets", [1, 1, 4], -1f, -0.25f, 0, 0.75f)
            .Add("anchors", [1, 1, 4], 0.2f, 0.15f, 0.3f, 0.35f);
        var decoder = new Ssd(0, 1, Input) { PriorsOutput = 2, Coding = OffsetCoding.Corner };
        One(outputs.Decode(decoder), 0, 0.9f, 20, 10, 60, 50);
    }

    [Fact]
    public void Priors_of_retinaface_are_two_squares_a_cell()
    {
        var priors = Ssd.RetinaFacePriors(new ModelInput(3, 64, 64));
        Assert.Equal((64 + 16 + 4) * 2 * 4, priors.Length);
        Assert.Equal([4 / 64f, 4 / 64f, 16 / 64f, 16 / 64f, 4 / 64f, 4 / 64f, 32 / 64f, 32 / 64f], priors[..8]);
    }

    [Fact]
    public void Retinaface_moves_its_key_points_by_the_prior()
    {
        using var outputs = new OutputTensors()
            .Add("loc", [1, 1, 4], 0f, 0, 0, 0)
            .Add("conf", [1, 1, 2], 0.1f, 0.9f)
            .Add("landms", [1, 1, 2], 5f, -5);
        var decoder = new Ssd(1, 0, Input) { Priors = [0.5f, 0.5f, 0.2f, 0.2f], KeyPointsOutput = 2, KeyPointCount = 1 };
        var face = One(outputs.Decode(decoder), 0, 0.9f, 80, 40, 120, 60);
        // .5 + 5 * .1 * .2 = .6 of 200; .5 - .1 = .4 of 100.
        Assert.Equal(120, face.KeyPoints[0].X, 1e-3f);
        Assert.Equal(40, face.KeyPoints[0].Y, 1e-3f);
    }

    [Fact]
    public void RetinaNet_comes_back()
    {
        // Stride 8 of 16 x 16: 2 x 2 cells, two classes. Anchor 4 (second scale, tall): area (32 * 2^(1/3))^2, twice
        // as high as wide.
        var input = new ModelInput(3, 16, 16);
        var (width, height) = (32 * MathF.Cbrt(2) / MathF.Sqrt(2), 32 * MathF.Cbrt(2) * MathF.Sqrt(2));
        var (scores, deltas) = (new float[18 * 4], new float[36 * 4]);
        scores[(((4 * 2) + 1) * 4) + 1] = 0.9f; // class 1, cell (1, 0) with centre (12, 4)
        float[] delta = [2 / width, -1 / height, MathF.Log(10 / width), MathF.Log(6 / height)];
        for (var k = 0; k < 4; k++)
        {
            deltas[(((4 * 4) + k) * 4) + 1] = delta[k];
        }

        using var outputs = new OutputTensors().Add("cls", [1, 18, 2, 2], scores).Add("box", [1, 36, 2, 2], deltas);
        One(outputs.Decode(new RetinaNet([0], [1], 2, input)), 1, 0.9f, 9, 0, 19, 6); // centre (14, 3)
    }
}
