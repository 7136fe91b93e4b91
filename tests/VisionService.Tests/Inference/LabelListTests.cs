using VisionService.Inference;

namespace VisionService.Tests.Inference;

public class LabelListTests
{
    private static readonly LabelList Labels = new(
        ["tench, Tinca tinca", "goldfish", "7", "crane", "crane"], ["n01440764", "n01443537", "n00000007", "n02012849", "n03126707"]);

    [Theory]
    [InlineData("goldfish", "1")]
    [InlineData("GoldFish", "1")]
    [InlineData("tench, Tinca tinca", "0")] // a label with a comma in it
    [InlineData("goldfish, 0", "0 1")]
    [InlineData("7", "2")] // a label wins over an id
    [InlineData("4", "4")]
    [InlineData("n02012849,n03126707", "3 4")]
    public void A_class_is_named_by_label_id_or_synset(string text, string ids) =>
        Assert.Equal(ids, string.Join(' ', Labels.Resolve([text]).Order()));

    [Theory]
    [InlineData("goldfsh", "The model has no class 'goldfsh' (did you mean 'goldfish'?); it has 5, ids 0 to 4.")]
    [InlineData("55", "The model has no class '55'; it has 5, ids 0 to 4.")]
    [InlineData("-1", "The model has no class '-1'; it has 5, ids 0 to 4.")]
    public void An_unknown_class_is_refused_with_the_nearest(string text, string message)
    {
        var refusal = Assert.Throws<VisionException>(() => Labels.Resolve([text]));
        Assert.Equal((VisionError.InvalidRequest, message), (refusal.Error, refusal.Message));
    }

    [Fact]
    public void Without_labels_classes_are_numbered() => Assert.Equal(["class 0", "class 1"], LabelList.Numbered(2).Names);
}
