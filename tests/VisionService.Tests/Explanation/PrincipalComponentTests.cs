using VisionService.Explanation;

namespace VisionService.Tests.Explanation;

public class PrincipalComponentTests
{
    [Theory]
    [InlineData(49, 300)]
    [InlineData(400, 60)]
    [InlineData(100, 100)]
    public void The_second_component_may_be_as_near_as_a_hundredth(int area, int channels)
    {
        // R = sum of s_i * u_i v_i' with orthogonal cosines: s = 1, .99, .98, ... The u_i have mean 0 already.
        var rank = Math.Min(area, channels) - 1;
        var activations = new float[channels * area];
        for (var i = 0; i < rank; i++)
        {
            var strength = 1 - (0.01 * Math.Min(i, 90));
            for (var k = 0; k < channels; k++)
            {
                for (var p = 0; p < area; p++)
                {
                    activations[(k * area) + p] += (float)(strength * Cosine(i, p, area) * Cosine(i, k, channels));
                }
            }
        }

        var map = PrincipalComponent.Of(activations, default, area);

        var expected = Enumerable.Range(0, area).Select(p => (float)Cosine(0, p, area)).ToArray();
        var actual = Array.ConvertAll(map, value => (float)value);
        var error = Math.Min(Near.RelativeL2(expected, actual), Near.RelativeL2(expected, actual, sign: -1));
        Assert.True(error < 1e-4, $"{error:E2}");
    }

    [Fact]
    public void The_map_is_high_where_the_channels_are_on_average()
    {
        // One direction, (1, -1, -2) times the places 0, 1, 2: on average falling.
        var map = PrincipalComponent.Of([0, 1, 2, 0, -1, -2, 0, -2, -4], default, 3);
        Assert.Equal(Math.Sqrt(6), map[0], 1e-9);
        Assert.Equal(-Math.Sqrt(6), map[2], 1e-9);
    }

    [Fact]
    public void Equal_components_and_tiny_ones_and_none_at_all_give_numbers()
    {
        Assert.All(PrincipalComponent.Of([1, 0, 0, 1], default, 2), value => Assert.True(double.IsFinite(value)));
        Assert.Equal([0.0, 0, 0], PrincipalComponent.Of([3, 3, 3, 1, 1, 1], default, 3));
        Assert.Equal([0.0], PrincipalComponent.Of([5, 7], default, 1));
        var tiny = PrincipalComponent.Of([1e-30f, -1e-30f, 0, 2e-30f, 1e-30f, 0], default, 3);
        Assert.All(tiny, value => Assert.True(double.IsFinite(value)));
        Assert.Contains(tiny, value => Math.Abs(value) > 1e-31);
    }

    // The cosine transform's vectors of length 1, the constant one left out.
    private static double Cosine(int i, int at, int length) =>
        Math.Sqrt(2.0 / length) * Math.Cos(Math.PI * (i + 1) * (at + 0.5) / length);
}
