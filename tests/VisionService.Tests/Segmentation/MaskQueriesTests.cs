using VisionService.Imaging;
using VisionService.Segmentation;

namespace VisionService.Tests.Segmentation;

public sealed class MaskQueriesTests
{
    private static readonly Placement Row = new InputGeometry(4, 1, ResizeMode.Stretch).Place(4, 1);

    // Two classes and "nothing"; three queries over four cells: class 0 left, class 1 right, nothing everywhere.
    private static readonly float[] Classes = [9, 0, 0, 0, 9, 0, 0, 0, 9];
    private static readonly float[] Masks = [9, 9, -9, -9, -9, -9, 9, 9, 9, 9, 9, 9];

    [Fact]
    public void Queries_vote_for_classes()
    {
        var map = new MaskQueries(Classes, Masks, 3, 1, 4, Row).Semantic(default);
        Assert.Equal([0, 0, 1, 1], map.Ids);
    }

    [Fact]
    public void Instances_score_class_times_mask()
    {
        float[] classes = [9, 0, 0, 3, 0, 0], masks = [9, 9, -9, -9, 0.1f, -9, -9, -9];
        var objects = new MaskQueries(classes, masks, 2, 1, 4, Row).Instances(10, 0.3f);
        // softmax(3, 0, 0) = .909; mean probability of the one cell inside: sigmoid(.1) = .525
        Assert.Equal([0, 0], objects.Select(one => one.ClassId));
        Assert.Equal(0.909f * 0.525f, objects[1].Score, 0.001f);
        Assert.Equal("##..", Blobs.Text(objects[0].Mask, 4, 1).TrimEnd());
    }

    [Fact]
    public void Panoptic_segments_share_no_pixel()
    {
        // The second query claims everything but is less sure where the first is.
        float[] classes = [9, 0, 0, 0, 4, 0];
        var queries = new MaskQueries(classes, [9, 9, -9, -9, 2, 2, 2, 2], 2, 1, 4, Row);
        var segments = queries.Panoptic(0.5f, minVisible: 0.4f);
        Assert.Equal(["##..", "..##"], segments.Select(segment => Blobs.Text(segment.Mask, 4, 1).TrimEnd()));
    }

    [Fact]
    public void What_is_mostly_hidden_is_dropped()
    {
        float[] classes = [9, 0, 0, 0, 4, 0];
        var segments = new MaskQueries(classes, [9, 9, -9, -9, 2, 2, 2, 2], 2, 1, 4, Row).Panoptic(0.5f);
        Assert.Equal(0, Assert.Single(segments).ClassId);
    }

    [Fact]
    public void Stuff_of_one_class_is_one_segment()
    {
        float[] classes = [9, 0, 0, 9, 0, 0];
        float[] masks = [9, -9, -9, -9, -9, -9, -9, 9];
        var queries = new MaskQueries(classes, masks, 2, 1, 4, Row);
        Assert.Equal(2, queries.Panoptic(0.5f).Count);
        var stuff = Assert.Single(queries.Panoptic(0.5f, stuff: new HashSet<int> { 0 }));
        Assert.Equal("#..#", Blobs.Text(stuff.Mask, 4, 1).TrimEnd());
    }
}
