namespace VisionService.Tests;

public class NearestTests
{
    [Theory]
    [InlineData("topk", "top_k")]
    [InlineData("TOP_K", "top_k")]
    [InlineData("tpo_k", "top_k")] // swapped neighbours are one slip
    [InlineData("modle", "model")]
    [InlineData("score_treshold", "score_threshold")]
    [InlineData("colour", null)]
    [InlineData("", null)]
    public void The_nearest_name_is_the_one_with_the_fewest_slips(string said, string? nearest) =>
        Assert.Equal(nearest, Nearest.Find(said, ["model", "top_k", "score_threshold"]));

    [Fact]
    public void The_hint_is_empty_where_nothing_is_near() =>
        Assert.Equal((" (did you mean 'task'?)", ""), (Nearest.Hint("tsak", ["task"]), Nearest.Hint("size", ["task"])));
}
