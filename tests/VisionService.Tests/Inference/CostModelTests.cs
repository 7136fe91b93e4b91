using VisionService.Inference;

namespace VisionService.Tests.Inference;

/// <summary>What is learnt from runs: their own means, and the line through them for sizes that were not seen.</summary>
public sealed class CostModelTests
{
    private readonly CostModel _cost = new();

    [Fact]
    public void Nothing_is_known_before_the_first_run()
    {
        Assert.Equal(0, _cost.Predict(1));
        Assert.Equal(0, _cost.Predict(64));
        Assert.Equal((0, 0), (_cost.PerRow, _cost.PerRun));
    }

    [Fact]
    public void The_line_is_recovered_from_runs_of_several_sizes()
    {
        foreach (var rows in new[] { 1, 2, 4, 8, 16 })
        {
            Observe(rows, (3 * rows) + 10);
        }

        Assert.Equal(3, _cost.PerRow, tolerance: 1e-6);
        Assert.Equal(10, _cost.PerRun, tolerance: 1e-6);
    }

    [Fact]
    public void A_size_that_was_not_seen_costs_what_the_line_says()
    {
        Observe(1, 7);
        Observe(2, 9); // 2 ms each and 5 ms for the run
        Assert.Equal(37, _cost.Predict(16), tolerance: 1e-6);
    }

    [Fact]
    public void A_size_that_was_seen_costs_its_own_mean()
    {
        Observe(1, 10);
        Observe(2, 20);
        Observe(8, 50); // far below the line through 10 and 20
        Observe(16, 160);
        Assert.Equal(50, _cost.Predict(8), tolerance: 1e-6);
        Assert.Equal(10, _cost.Predict(1), tolerance: 1e-6);
    }

    [Fact]
    public void A_neighbour_of_a_size_that_was_seen_costs_its_share()
    {
        Observe(8, 40);
        Assert.Equal(30, _cost.Predict(6), tolerance: 1e-6); // 6 / 8 of 40
    }

    [Fact]
    public void The_line_passes_the_origin_while_one_size_is_all_that_is_known()
    {
        Observe(4, 20);
        Assert.Equal(80, _cost.Predict(16), tolerance: 1e-6);
        Assert.Equal((5, 0), (_cost.PerRow, _cost.PerRun));
    }

    [Fact]
    public void The_first_runs_count_alike()
    {
        Observe(1, 10);
        Observe(1, 20);
        Observe(1, 30);
        Assert.Equal(20, _cost.Predict(1), tolerance: 1e-6);
    }

    [Fact]
    public void Recent_runs_count_most()
    {
        Repeat(100, 1, 10);
        Repeat(7, 1, 30);
        Assert.Equal(30 - (20 * Math.Pow(0.9, 7)), _cost.Predict(1), tolerance: 1e-6); // half the way and a little more
        Repeat(93, 1, 30);
        Assert.Equal(30, _cost.Predict(1), tolerance: 0.01);
    }

    [Fact]
    public void A_run_far_above_the_others_counts_as_four_times_their_mean()
    {
        Repeat(100, 1, 10);
        Observe(1, 60_000);
        Assert.Equal(13, _cost.Predict(1), tolerance: 1e-6); // 10 + (40 - 10) / 10
    }

    [Fact]
    public void What_is_repeated_is_no_outlier()
    {
        Repeat(100, 1, 10);
        Repeat(200, 1, 1000);
        Assert.Equal(1000, _cost.Predict(1), tolerance: 1);
    }

    [Fact]
    public void Sizes_beyond_the_largest_seen_keep_to_its_share()
    {
        Observe(600, 600);
        Assert.Equal(2400, _cost.Predict(2400), tolerance: 1e-6);
    }

    [Theory]
    [InlineData(100, 60, 20)] // the more rows, the cheaper
    [InlineData(1, 100, 1000)] // a line that begins below zero
    [InlineData(0, 0, 0)]
    public void No_cost_is_negative(double one, double four, double sixteen)
    {
        Observe(1, one);
        Observe(4, four);
        Observe(16, sixteen);
        Assert.True(_cost.PerRow >= 0, $"{_cost.PerRow} ms each");
        Assert.True(_cost.PerRun >= 0, $"{_cost.PerRun} ms for a run");
        Assert.All([0.25, 1, 2, 4, 8, 16, 32, 1024], rows => Assert.True(_cost.Predict(rows) >= 0, $"{rows} rows"));
    }

    private void Observe(double rows, double milliseconds) => _cost.Observe(rows, TimeSpan.FromMilliseconds(milliseconds));

    private void Repeat(int times, double rows, double milliseconds)
    {
        for (var i = 0; i < times; i++)
        {
            Observe(rows, milliseconds);
        }
    }
}
