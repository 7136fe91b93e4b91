using VisionService.Commands;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Tests.Commands;

public sealed class LabelMappingTests
{
    private static readonly LabelList Labels = new(["background", "road", "mark"]);

    [Theory]
    [InlineData(null, 255, "0 1 2 - - -")]
    [InlineData(null, 1, "0 - 2 - - -")]
    [InlineData("3=road", 255, "- - - 1 - -")]
    [InlineData("3=1, 4=ROAD", 255, "- - - 1 1 -")]
    [InlineData("3=road,*=background", 4, "0 0 0 1 - 0")]
    [InlineData("4=road,*=background", 4, "0 0 0 0 1 0")] // what is named counts
    public void A_label_is_a_class_or_void(string? map, int voidLabel, string expected)
    {
        var classOf = LabelMapping.ClassOf(map, Labels, voidLabel);
        Assert.Equal(256, classOf.Length);
        Assert.Equal(expected, string.Join(' ', classOf.Take(6).Select(id => id?.ToString() ?? "-")));
    }

    [Fact]
    public void A_predicted_class_may_count_as_another()
    {
        Assert.Equal([0, 1, 2], LabelMapping.CountsAs(null, Labels));
        Assert.Equal([0, 1, 1], LabelMapping.CountsAs("mark=road", Labels));
    }

    [Theory]
    [InlineData("3", "--map: '3' is no pair such as 3=road.")]
    [InlineData("", "--map: '' is no pair such as 3=road.")]
    [InlineData("3=road,", "--map: '' is no pair such as 3=road.")]
    [InlineData("256=road", "--map: '256' is no label; it is 0 to 255, or * for the others.")]
    [InlineData("3=road,3=mark", "--map: '3' is given more than once.")]
    public void A_wrong_map_is_named(string map, string message) =>
        Assert.Equal(message, Assert.Throws<ModelLoadException>(() => LabelMapping.ClassOf(map, Labels, 255)).Message);

    [Fact]
    public void An_unknown_class_is_named()
    {
        const string Message = "The model has no class 'raod' (did you mean 'road'?); it has 3, ids 0 to 2.";
        var map = Assert.Throws<VisionException>(() => LabelMapping.ClassOf("3=raod", Labels, 255));
        var merge = Assert.Throws<VisionException>(() => LabelMapping.CountsAs("raod=mark", Labels));
        Assert.Equal((Message, Message), (map.Message, merge.Message));
    }
}
