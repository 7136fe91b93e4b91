using OnnxGraph;

namespace VisionService.Tests.Repository;

/// <summary>What only a manifest can say of a detector's head.</summary>
public sealed class DetectorManifestTests
{
    private const string MultiBox = "task: detect\nfamily: multibox\ninput: {preset: raw}\noutput: {priors: priors.json}";

    [Fact]
    public async Task A_multibox_head_reads_its_priors_from_the_file_beside_the_manifest()
    {
        // Offsets of zero leave a prior where it is: 8 +- 4 by 8 +- 2 of 16 pixels.
        await using var service = await TestService.StartAsync(new ModelFolder()
            .Add("boxes", TwoPriors(), MultiBox, "door\n")
            .Write("boxes/priors.json", "[[0.5, 0.5, 0.5, 0.25], [0.1, 0.1, 0.1, 0.1]]"));
        var found = Assert.Single((await service.PostAsync("/detect", Photos.Of(new(9, 9, 9), width: 16, height: 16)))
            .Json.GetProperty("predictions").EnumerateArray());
        var box = found.GetProperty("box");
        Assert.Equal(("door", 0.9f), (found.GetProperty("label").GetString(), found.GetProperty("score").GetSingle()));
        Assert.Equal((4f, 6f, 12f, 10f), (Edge("xmin"), Edge("ymin"), Edge("xmax"), Edge("ymax")));

        float Edge(string name) => MathF.Round(box.GetProperty(name).GetSingle(), 3);
    }

    [Theory]
    [InlineData("../priors.json", "[]", "it must lie beside the manifest")]
    [InlineData("priors.json", "[]", "'priors.json' is not a list of [cx, cy, w, h].")]
    [InlineData("priors.json", "[[1, 2, 3]]", "'priors.json' is not a list of [cx, cy, w, h].")]
    [InlineData("priors.json", "{", "'priors.json' cannot be read as a list of [cx, cy, w, h]:")]
    [InlineData("missing.json", "[]", "missing.json cannot be read: ")]
    public async Task Priors_that_cannot_be_read_are_a_reason(string file, string priors, string reason)
    {
        await using var service = await TestService.StartAsync(new ModelFolder()
            .Add("boxes", TwoPriors(), MultiBox.Replace("priors.json", file, StringComparison.Ordinal), "door\n")
            .Write("boxes/priors.json", priors));
        Assert.Contains(reason, (await service.GetAsync("/models/boxes")).Json.GetProperty("problem").GetString());
    }

    [Theory]
    [InlineData("anchors: 5", "'anchors' must be a list of lists of numbers")]
    [InlineData("anchors: [[1, x]]", "'anchors' must be a number")]
    [InlineData("strides: [0]", "'strides' must be a number from 1 to 1024")]
    public async Task Anchors_and_strides_are_numbers(string output, string reason)
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("boxes", TwoPriors(), $"task: detect\noutput: {{{output}}}", "door\n"));
        Assert.Contains(reason, (await service.GetAsync("/models/boxes")).Json.GetProperty("problem").GetString());
    }

    /// <summary>Two priors, the first a door with .9, the second nothing; offsets of zero.</summary>
    private static Graph TwoPriors()
    {
        var g = new GraphBuilder();
        var nothing = g.Mul(g.GlobalAveragePool(g.Input("x", ElementType.Float, 1, 3, 16, 16)), g.Constant([0f]));
        var zero = g.Node("ReduceSum", [g.Flatten(nothing)], ("keepdims", 0));
        g.Output("scores", g.Add(g.Constant([0.1f, 0.9f, 1, 0], 1, 2, 2), zero), ElementType.Float, 1, 2, 2);
        g.Output("offsets", g.Add(g.Constant(new float[8], 1, 2, 4), zero), ElementType.Float, 1, 2, 4);
        return g.Build();
    }
}
