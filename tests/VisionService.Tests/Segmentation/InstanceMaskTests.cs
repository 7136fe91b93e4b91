using VisionService.Segmentation;

namespace VisionService.Tests.Segmentation;

public sealed class InstanceMaskTests
{
    [Fact]
    public void Values_above_the_threshold_are_set()
    {
        var values = Enumerable.Range(0, 131).Select(x => x % 3 == 0 ? 1f : 0.5f).ToArray();
        var mask = new InstanceMask(0, 0, 131, 1);
        mask.SetAbove(0, values, 0.5f);
        Assert.Equal(44, mask.Area);
        Assert.All(Enumerable.Range(0, 131), x => Assert.Equal(x % 3 == 0, mask[x, 0]));
    }

    [Theory]
    [InlineData(0, 64)]
    [InlineData(63, 65)]
    [InlineData(5, 130)]
    [InlineData(0, 0)]
    [InlineData(127, 128)]
    public void A_run_is_read_as_it_was_set(int start, int end)
    {
        var mask = new InstanceMask(0, 0, 130, 1);
        mask.Set(0, start, end);
        var runs = new List<(int, int)>();
        foreach (var run in mask.Runs(0))
        {
            runs.Add(run);
        }

        Assert.Equal(start == end ? [] : [(start, end)], runs);
        Assert.Equal(end - start, mask.Area);
    }

    [Fact]
    public void Trimming_keeps_the_pixels_where_they_are()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var mask = Blobs.Random(seed, left: 7, top: 3);
            var trimmed = mask.Trim();
            Assert.Equal(Blobs.Text(mask, 160, 100), Blobs.Text(trimmed, 160, 100));
            Assert.True(trimmed.Width <= mask.Width && trimmed.Height <= mask.Height);
        }
    }

    [Fact]
    public void An_empty_mask_trims_to_nothing()
    {
        var trimmed = new InstanceMask(4, 5, 70, 9).Trim();
        Assert.Equal((4, 5, 0, 0), (trimmed.Left, trimmed.Top, trimmed.Width, trimmed.Height));
    }

    [Fact]
    public void The_pixels_of_an_id_are_found_again()
    {
        var map = new LabelMap(70, 2);
        map.Ids.AsSpan().Clear();
        map.Row(1)[60..68].Fill(9);
        var mask = InstanceMask.Of(map, 9);
        Assert.Equal((60, 1, 8, 1, 8), (mask.Left, mask.Top, mask.Width, mask.Height, (int)mask.Area));
    }

    [Fact]
    public void A_union_has_the_pixels_of_both()
    {
        var a = new InstanceMask(2, 0, 2, 1);
        var b = new InstanceMask(0, 1, 1, 1);
        a.Set(0, 0, 2);
        b.Set(0, 0, 1);
        Assert.Equal("..##\n#...\n", Blobs.Text(InstanceMask.Union(a, b), 4, 2));
    }
}
