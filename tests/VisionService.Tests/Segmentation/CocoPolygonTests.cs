using VisionService.Segmentation;

namespace VisionService.Tests.Segmentation;

public sealed class CocoPolygonTests
{
    /// <summary>What the COCO API's own code answers, degenerate outlines and such beyond the image among
    /// them.</summary>
    public static TheoryData<int, int, double[], int[]> References() => new()
    {
        { 3, 18, [-0.6, 17.9, 12.0, 11.2, 44.0, 9.0, 10.59, 57.0], [17, 1, 17, 1, 16, 2] },
        { 17, 27, [52.0, -1.5, 63.25, 39.0, 6.15, 29.0], [296, 1, 25, 2, 25, 2, 24, 3, 23, 4, 23, 4, 22, 5] },
        { 3, 33, [43.0, 3.37, -4.1, 15.0, -1.2, 41.0, 3.92, 5.9], [14, 16, 17, 9, 23, 3, 17] },
        { 24, 28, [55.02, 27.6, 26.0, 5.13, 48.14, 1.9, 20.56, 7.9], [624, 1, 26, 3, 18] },
        { 36, 8, [14.0, 29.78, 36.0, 5.3, 25.91, 64.41, 61.9, 44.4], [279, 1, 6, 2] },
    };

    [Theory]
    [MemberData(nameof(References))]
    public void A_polygon_has_the_pixels_that_COCO_gives_it(int width, int height, double[] polygon, int[] counts) =>
        Assert.Equal(counts, CocoPolygon.Encode(polygon, width, height).Counts);

    [Fact]
    public void An_object_is_the_union_of_its_polygons()
    {
        double[] left = [0, 0, 2, 0, 2, 2, 0, 2], right = [3, 0, 5, 0, 5, 2, 3, 2];
        Assert.Equal([0, 4, 2, 4], CocoPolygon.EncodeAll([left, right], 5, 2).Counts);
    }

    [Fact]
    public void No_polygon_has_no_pixels() => Assert.Equal([10], CocoPolygon.EncodeAll([], 5, 2).Counts);
}
