using VisionService.Detection;

namespace VisionService.Tests.Detection;

public sealed class ScoreFilterTests
{
    [Fact]
    public void Without_classes_every_class_passes_from_the_score_on()
    {
        var filter = new ScoreFilter(0.25f);
        Assert.True(filter.Accepts(1000, 0.25f));
        Assert.False(filter.Accepts(0, 0.2499f));
        Assert.False(filter.Accepts(0, float.NaN));
        Assert.False(filter.Accepts(-1, 1));
    }

    [Fact]
    public void Only_the_classes_asked_for_pass()
    {
        var filter = new ScoreFilter(0.25f, 80, classes: [2, 7]);
        Assert.True(filter.Accepts(7, 0.3f));
        Assert.False(filter.Accepts(3, 1));
        Assert.False(filter.Accepts(80, 1));
    }

    [Fact]
    public void A_class_may_have_its_own_score_and_the_least_of_all_is_what_decoders_skip_by()
    {
        var filter = new ScoreFilter(0.25f, 80, minScoreByClass: new Dictionary<int, float> { [5] = 0.1f, [6] = 0.9f });
        Assert.True(filter.Accepts(5, 0.1f));
        Assert.False(filter.Accepts(6, 0.8f));
        Assert.True(filter.Accepts(7, 0.25f));
        Assert.Equal(0.1f, filter.MinScore);
    }
}
