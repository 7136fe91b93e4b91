using VisionService.Explanation;

namespace VisionService.Tests.Explanation;

public class HeatMapTests
{
    public static TheoryData<string> Nets => [.. ReferenceNet.Names];

    [Theory]
    [MemberData(nameof(Nets))]
    public void Normalised_and_enlarged_maps_are_the_references(string name)
    {
        var net = new ReferenceNet(name);
        foreach (var tap in ReferenceNet.Taps)
        {
            var sides = net.Array($"cam_{tap}_gradcam").Shape;
            for (var item = 0; item < ReferenceNet.Items; item++)
            {
                foreach (var map in (string[])["gradcam", "gradcampp", "hirescam", "layercam", "xgradcam", "eigencam"])
                {
                    var norm = new HeatMap(sides[2], sides[1], net.Item($"cam_{tap}_{map}", item)).Normalized();
                    Near.Equal(net.Item($"cam_{tap}_{map}_norm", item), norm.Values);
                    if (map == "gradcam")
                    {
                        var full = norm.Resized(net.Input.Width, net.Input.Height).Normalized();
                        Near.Equal(net.Item($"cam_{tap}_gradcam_full", item), full.Values);
                    }
                }
            }
        }
    }

    [Fact]
    public void Normalised_values_run_from_0_to_1()
    {
        Assert.Equal([0, 0, 0.5f, 1], new HeatMap(4, 1, [-3, 0, 2, 4]).Normalized(0).Values);
        Assert.Equal([0, 0.5f, 1], new HeatMap(3, 1, [2, 3, 4]).Normalized(0).Values);
        Assert.Equal([0, 1], new HeatMap(2, 1, [0, 1e-30f]).Normalized(0).Values);
        Assert.All(new HeatMap(9, 9, Draws.Normal(81)).Normalized().Values, value => Assert.InRange(value, 0, 1));
    }

    [Fact]
    public void A_map_without_differences_is_cold()
    {
        Assert.Equal([0, 0], new HeatMap(2, 1, [5, 5]).Normalized().Values);
        Assert.Equal([0, 0], new HeatMap(2, 1, [-5, -7]).Normalized(0).Values);
    }

    [Fact]
    public void What_is_not_a_finite_number_counts_as_0()
    {
        Assert.Equal([0, 1, 0], new HeatMap(3, 1, [float.NaN, 1, float.NegativeInfinity]).Values);
        Assert.Equal([0f], HeatMap.Of(1, 1, [1e300]).Values);
    }

    [Fact]
    public void Enlarging_takes_cells_for_areas()
    {
        // Centres of the four points at -.25, .25, .75, 1.25 of the cells 0 and 1.
        Assert.Equal([0, 1, 3, 4], new HeatMap(2, 1, [0, 4]).Resized(4, 1).Values);
        Assert.Equal([0, 1, 3, 4], new HeatMap(1, 2, [0, 4]).Resized(1, 4).Values);
    }

    [Fact]
    public void Clipping_cuts_the_highest_hundredth_and_leaves_the_rest()
    {
        var values = Enumerable.Range(0, 200).Select(i => (float)i).ToArray();
        var clipped = new HeatMap(20, 10, values).Clipped();
        Assert.Equal(197, clipped.Values.Max()); // .99 of the way from 0 to 199 is 197.01
        Assert.Equal(values[..198], clipped.Values[..198]);
        Assert.Equal(199, values[199]);
    }

    [Fact]
    public void Clipping_leaves_a_map_alone_that_is_0_almost_everywhere()
    {
        var values = new float[500];
        values[7] = 3;
        Assert.Equal(3, new HeatMap(500, 1, values).Clipped().Values[7]);
    }

    [Fact]
    public void Smoothing_spreads_a_point_evenly_and_keeps_the_sum()
    {
        var values = new float[11 * 11];
        values[60] = 1;
        var smooth = new HeatMap(11, 11, values).Smoothed(1).Values;
        Assert.Equal(1, smooth.Sum(), 1e-5f);
        Assert.Equal(smooth[59], smooth[61], 1e-6f);
        Assert.Equal(smooth[60 - 11], smooth[60 + 1], 1e-6f);
        Assert.Equal(7 * 7 / 729f, smooth[60], 1e-6f); // three means of three: 1 3 6 7 6 3 1 over 27
    }
}
