using VisionService.Explanation;

namespace VisionService.Tests.Explanation;

public class SplitMix64Tests
{
    [Fact]
    public void Streams_are_reproducible_and_differ()
    {
        Assert.Equal(new SplitMix64(3, 4).Next(), new SplitMix64(3, 4).Next());
        Assert.NotEqual(new SplitMix64(3, 4).Next(), new SplitMix64(3, 5).Next());
        Assert.NotEqual(new SplitMix64(3, 4).Next(), new SplitMix64(4, 4).Next());
    }

    [Fact]
    public void Normal_numbers_have_mean_0_and_deviation_1()
    {
        var values = Draws.Normal(100_000);
        var mean = values.Average(value => (double)value);
        Assert.Equal(0, mean, 0.01);
        Assert.Equal(1, values.Average(value => Math.Pow(value - mean, 2)), 0.02);
    }

    [Fact]
    public void Whole_numbers_stay_below_their_limit_and_reach_all_of_it()
    {
        var random = new SplitMix64(1, 0);
        var seen = Enumerable.Range(0, 200).Select(_ => random.NextInt(5)).Distinct().Order();
        Assert.Equal([0, 1, 2, 3, 4], seen);
    }
}
