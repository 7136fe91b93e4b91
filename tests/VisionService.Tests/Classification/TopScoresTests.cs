using VisionService.Classification;

namespace VisionService.Tests.Classification;

public class TopScoresTests
{
    [Theory]
    [InlineData(3, "4:9 1:7 3:7")] // of the three sevens the lower ids
    [InlineData(1, "4:9")]
    [InlineData(0, "")]
    [InlineData(9, "4:9 1:7 3:7 5:7 0:2 2:1")]
    public void The_best_come_first_and_of_equal_ones_the_first_offered(int capacity, string expected)
    {
        var top = new TopScores(capacity);
        float[] scores = [2, 7, 1, 7, 9, 7];
        for (var id = 0; id < scores.Length; id++)
        {
            top.Offer(id, scores[id]);
        }

        Assert.Equal(expected, string.Join(' ', Enumerable.Range(0, top.Count).Select(i => $"{top[i].Id}:{top[i].Score}")));
    }

    [Fact]
    public void The_best_of_many_are_those_of_a_stable_sort()
    {
#pragma warning disable CA5394 // the same scores each time are the point
        var random = new Random(4);
        var scores = Enumerable.Range(0, 1000).Select(_ => (float)random.Next(50)).ToArray();
#pragma warning restore CA5394
        var top = new TopScores(100);
        for (var id = 0; id < scores.Length; id++)
        {
            top.Offer(id, scores[id]);
        }

        Assert.Equal(
            Enumerable.Range(0, 1000).OrderByDescending(id => scores[id]).Take(100), Enumerable.Range(0, top.Count).Select(i => top[i].Id));
    }
}
