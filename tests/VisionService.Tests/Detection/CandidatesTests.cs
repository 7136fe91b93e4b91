using VisionService.Detection;

namespace VisionService.Tests.Detection;

public sealed class CandidatesTests
{
    private static readonly Box Unit = new(0, 0, 1, 1);

    [Fact]
    public void The_best_are_kept_and_in_ties_the_first()
    {
        using var candidates = Candidates.Rent(new ScoreFilter(0), limit: 3);
        float[] scores = [0.5f, 0.9f, 0.5f, 0.1f, 0.5f, 0.7f];
        for (var i = 0; i < scores.Length; i++)
        {
            candidates.Add(Unit, 0, scores[i], i);
        }

        candidates.Sort();
        Assert.Equal([1, 5, 0], candidates.Rows.ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(1000)]
    public void The_heap_keeps_what_sorting_all_would_keep(int limit)
    {
        var random = new Random(7);
        using var bounded = Candidates.Rent(new ScoreFilter(0), limit);
        var all = new List<(float Score, int Row)>();
        for (var i = 0; i < 1000; i++)
        {
            var score = random.Next(50) / 50f; // many ties
            bounded.Add(Unit, 0, score, i);
            all.Add((score, i));
        }

        bounded.Sort();
        Assert.Equal(
            all.OrderByDescending(static pair => pair.Score).Take(limit).Select(static pair => pair.Row),
            bounded.Rows.ToArray());
    }

    [Theory]
    [InlineData(float.NaN, 0, 1, 1)]
    [InlineData(0, 0, float.PositiveInfinity, 1)]
    [InlineData(float.NegativeInfinity, 0, 1, 1)]
    [InlineData(2, 0, 2, 1)]
    [InlineData(3, 0, 2, 1)]
    [InlineData(0, 5, 1, 5)]
    public void A_box_that_is_not_finite_or_has_no_area_is_dropped(float xMin, float yMin, float xMax, float yMax)
    {
        using var candidates = Candidates.Rent(new ScoreFilter(0));
        candidates.Add(new Box(xMin, yMin, xMax, yMax), 0, 0.5f, 0);
        Assert.Equal(0, candidates.Count);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(0.24f)]
    public void A_score_that_is_no_number_or_too_low_is_dropped(float score)
    {
        using var candidates = Candidates.Rent(new ScoreFilter(0.25f));
        candidates.Add(Unit, 0, score, 0);
        Assert.Equal(0, candidates.Count);
    }

    [Fact]
    public void Key_points_follow_their_candidate()
    {
        using var candidates = Candidates.Rent(new ScoreFilter(0), keyPointCount: 2);
        for (var i = 0; i < 200; i++)
        {
            var points = candidates.Add(Unit, 0, i / 200f, i);
            points[0] = new KeyPoint(i, 0, 1);
            points[1] = new KeyPoint(0, i, 1);
        }

        candidates.Sort();
        for (var i = 0; i < candidates.Count; i++)
        {
            Assert.Equal(199 - i, candidates.KeyPoints(i)[0].X);
            Assert.Equal(199 - i, candidates.KeyPoints(i)[1].Y);
        }
    }

    [Fact]
    public void A_list_in_use_again_allocates_nothing()
    {
        var filter = new ScoreFilter(0);
        Fill(filter);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Fill(filter);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Fill(ScoreFilter filter)
    {
        using var candidates = Candidates.Rent(filter, limit: 500);
        for (var i = 0; i < 2000; i++)
        {
            candidates.Add(new Box(i, 0, i + 1, 1), i % 3, (i * 37 % 2000) / 2000f, i);
        }

        NonMaxSuppression.Keep(candidates, SuppressionMethod.Class, 0.5f, 100);
    }
}
