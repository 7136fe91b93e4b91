using VisionService.Inference;

namespace VisionService.Tests.Inference;

public class BatchBucketsTests
{
    [Theory]
    [InlineData(1, 16, 1)]
    [InlineData(2, 16, 2)]
    [InlineData(3, 16, 4)]
    [InlineData(9, 16, 16)]
    [InlineData(9, 12, 12)] // the largest is a size too
    [InlineData(12, 12, 12)]
    [InlineData(13, 12, 13)] // more than was prepared for stays as it is
    [InlineData(1, 1, 1)]
    public void The_smallest_size_that_takes_the_items(int items, int max, int size) =>
        Assert.Equal(size, BatchBuckets.Of(items, max));

    [Theory]
    [InlineData(1, new[] { 1 })]
    [InlineData(2, new[] { 1, 2 })]
    [InlineData(12, new[] { 1, 2, 4, 8, 12 })]
    [InlineData(16, new[] { 1, 2, 4, 8, 16 })]
    public void All_sizes_end_with_the_largest(int max, int[] sizes) => Assert.Equal(sizes, BatchBuckets.UpTo(max));

    [Fact]
    public void Every_number_of_items_meets_a_size_that_was_prepared()
    {
        for (var max = 1; max <= 40; max++)
        {
            var met = Enumerable.Range(1, max).Select(items => BatchBuckets.Of(items, max)).Distinct();
            Assert.Equal(BatchBuckets.UpTo(max), met);
        }
    }
}
