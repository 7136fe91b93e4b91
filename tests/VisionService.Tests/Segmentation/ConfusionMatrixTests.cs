using VisionService.Segmentation;

namespace VisionService.Tests.Segmentation;

public sealed class ConfusionMatrixTests
{
    [Fact]
    public void Measures_follow_from_the_counts()
    {
        // labels 0 0 0 1 | predicted 0 0 1 1
        var matrix = Matrix(3, [0, 0, 1, 1], [0, 0, 0, 1]);
        Assert.Equal(2 / 3.0, matrix.IoU(0), 12);
        Assert.Equal(1 / 2.0, matrix.IoU(1), 12);
        Assert.Equal(double.NaN, matrix.IoU(2));
        Assert.Equal((2 / 3.0 + 1 / 2.0) / 2, matrix.MeanIoU, 12);
        Assert.Equal(3 / 4.0, matrix.PixelAccuracy, 12);
        Assert.Equal((3 * 2 / 3.0 / 4) + (1 / 2.0 / 4), matrix.FrequencyWeightedIoU, 12);
    }

    [Fact]
    public void Void_labels_do_not_count_and_void_answers_are_wrong()
    {
        var matrix = Matrix(2, [0, 1, LabelMap.Void], [0, 255, 1]);
        Assert.Equal((2L, 0.5, 0.0), (matrix.Total, matrix.PixelAccuracy, matrix.IoU(1)));
    }

    [Fact]
    public void Labels_are_mapped_to_classes()
    {
        var matrix = new ConfusionMatrix(2);
        var map = new LabelMap(4, 1);
        ((ReadOnlySpan<ushort>)[1, 1, 0, 0]).CopyTo(map.Ids);
        matrix.Add(map, [3, 7, 0, 1], [0, null, 0, 1]); // 7 lies beyond the mapping, 1 has no class
        Assert.Equal((2L, 1L, 1L), (matrix.Total, matrix[0, 0], matrix[1, 1]));
    }

    private static ConfusionMatrix Matrix(int classes, ushort[] predicted, byte[] labels)
    {
        var map = new LabelMap(predicted.Length, 1);
        predicted.CopyTo(map.Ids, 0);
        var matrix = new ConfusionMatrix(classes);
        matrix.Add(map, labels);
        return matrix;
    }
}
