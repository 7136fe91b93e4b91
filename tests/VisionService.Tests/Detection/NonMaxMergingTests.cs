using VisionService.Detection;

namespace VisionService.Tests.Detection;

public sealed class NonMaxMergingTests
{
    [Fact]
    public void Parts_cut_by_tiles_become_one_object_with_the_best_score()
    {
        using var candidates = Candidates.Rent(new ScoreFilter(0));
        candidates.Add(new Box(0, 0, 60, 10), 0, 0.7f, 0);
        candidates.Add(new Box(20, 0, 100, 10), 0, 0.9f, 1); // shares 40 of the smaller one's 60
        candidates.Add(new Box(0, 0, 60, 10), 1, 0.5f, 2); // another class
        NonMaxMerging.Keep(candidates, 0.5f);
        Assert.Equal([1, 2], candidates.Rows.ToArray());
        Assert.Equal(new Box(0, 0, 100, 10), candidates[0]);
    }

    [Fact]
    public void A_chain_of_neighbours_is_not_swallowed()
    {
        // Each shares 6 of 10 with the next and 2 with the one after.
        using var candidates = Candidates.Rent(new ScoreFilter(0));
        for (var i = 0; i < 4; i++)
        {
            candidates.Add(new Box(i * 4, 0, (i * 4) + 10, 1), 0, 0.9f - (i * 0.1f), i);
        }

        NonMaxMerging.Keep(candidates, 0.5f);
        Assert.Equal([new Box(0, 0, 14, 1), new Box(8, 0, 22, 1)], new[] { candidates[0], candidates[1] });
        Assert.Equal(2, candidates.Count);
    }
}
