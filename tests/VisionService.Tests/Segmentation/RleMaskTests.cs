using System.Text.Json;
using VisionService.Segmentation;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Segmentation;

public sealed class RleMaskTests
{
    [Fact]
    public void Counts_go_down_the_columns_and_start_with_zeros()
    {
        // columns: 0 1 | 1 1 | 0 0
        Assert.Equal([1, 3, 2], RleMask.Encode(Blobs.Of(".#.", "##."), 3, 2).Counts);
        Assert.Equal([0, 1, 1], RleMask.Encode(Blobs.Of("#", "."), 1, 2).Counts);
    }

    [Fact]
    public void Counts_strings_and_areas_are_the_references()
    {
        using var json = JsonDocument.Parse(SharedFiles.Bytes("explain/ops/rle.json"));
        foreach (var expected in json.RootElement.GetProperty("masks").EnumerateArray())
        {
            var size = expected.GetProperty("size");
            var (height, width) = (size[0].GetInt32(), size[1].GetInt32());
            var mask = Blobs.Of([.. expected.GetProperty("rows").EnumerateArray().Select(row => row.GetString()!)]);
            var text = expected.GetProperty("string").GetString()!;
            foreach (var raster in new[] { mask, mask.Trim() })
            {
                var rle = RleMask.Encode(raster, width, height);
                Assert.Equal(expected.GetProperty("counts").Deserialize<int[]>(), rle.Counts);
                Assert.Equal(text, rle.ToCompressedString());
                Assert.Equal(expected.GetProperty("area").GetInt64(), rle.Area);
            }

            Assert.Equal(RleMask.Encode(mask, width, height), RleMask.Parse(text, width, height));
        }
    }

    [Fact]
    public void Encoding_and_decoding_is_the_identity()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var mask = Blobs.Random(seed, left: seed % 5, top: seed % 7);
            var (width, height) = (mask.Left + mask.Width + (seed % 3), mask.Top + mask.Height + (seed % 2));
            var rle = RleMask.Encode(mask, width, height);
            Assert.Equal(mask.Area, rle.Area);
            Assert.Equal(Blobs.Text(mask, width, height), Blobs.Text(rle.Decode(), width, height));
            Assert.Equal(rle, RleMask.Parse(rle.ToCompressedString(), width, height));
        }
    }

    [Fact]
    public void Large_counts_survive_the_string()
    {
        var rle = RleMask.Of([100_000_000, 1, 0, 99_999_999], 10_000, 20_000);
        Assert.Equal(rle, RleMask.Parse(rle.ToCompressedString(), 10_000, 20_000));
    }

    [Theory]
    [InlineData("R")]
    [InlineData("!")]
    [InlineData("é")]
    [InlineData("O")]
    [InlineData("oooooooooooooooo")]
    public void A_string_that_is_none_is_refused(string text) =>
        Assert.Throws<FormatException>(() => RleMask.Parse(text, 5, 5));

    [Fact]
    public void Sets_are_those_of_the_pixels()
    {
        for (var seed = 0; seed < 40; seed += 2)
        {
            var (a, b) = (Blobs.Random(seed), Blobs.Random(seed + 1));
            var (width, height) = (Math.Max(a.Width, b.Width), Math.Max(a.Height, b.Height));
            var (textA, textB) = (Blobs.Text(a, width, height), Blobs.Text(b, width, height));
            var both = textA.Zip(textB).Count(pair => pair is ('#', '#'));
            var any = textA.Zip(textB).Count(pair => pair.First == '#' || pair.Second == '#');
            var (rleA, rleB) = (RleMask.Encode(a, width, height), RleMask.Encode(b, width, height));

            Assert.Equal(both, rleA.Overlap(rleB));
            Assert.Equal(both, rleA.Intersect(rleB).Area);
            Assert.Equal(any, rleA.Union(rleB).Area);
            Assert.Equal((double)both / any, rleA.IoU(rleB), 12);
            Assert.Equal((double)both / rleA.Area, rleA.IoU(rleB, isCrowd: true), 12);
            Assert.Equal(rleA, rleA.Union(rleA));
        }
    }
}
