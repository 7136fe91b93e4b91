using VisionService.Imaging;
using VisionService.Segmentation;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Segmentation;

public sealed class LabelMapTests
{
    private static readonly InputGeometry Square = new(64, 64, ResizeMode.Stretch);

    public static TheoryData<string, int, int, int, bool> Cases()
    {
        var cases = new TheoryData<string, int, int, int, bool>();
        string[] modes = [nameof(ResizeMode.Stretch), nameof(ResizeMode.Letterbox), nameof(ResizeMode.ShortestCrop)];
        (int Classes, int Width, int Height)[] sizes =
            [(2, 100, 75), (21, 301, 97), (8, 33, 200), (300, 61, 47), (21, 9, 5), (3, 1, 1)];
        foreach (var mode in modes)
        {
            foreach (var (classes, width, height) in sizes)
            {
                cases.Add(mode, classes, width, height, classes % 2 == 0);
                cases.Add(mode, classes, width, height, classes % 2 != 0);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_map_is_that_of_upsampling_everything_first(
        string mode, int classes, int width, int height, bool isInterleaved)
    {
        var placement = new InputGeometry(64, 48, Enum.Parse<ResizeMode>(mode)).Place(width, height);
        var (rows, columns) = (12, 16);
        var smooth = Scores.Smooth(classes, rows, columns, seed: classes + width);
        var map = LabelMap.OfBest(Scores.Map(smooth, classes, rows, columns, isInterleaved), placement, default);
        Scores.AssertBest(smooth, classes, rows, columns, placement, map);
    }

    [Fact]
    public void Noise_without_any_structure_is_compared_exactly_too()
    {
        var placement = Square.Place(200, 133);
        var noise = Scores.Noise(21, 16, 16, seed: 5);
        var map = LabelMap.OfBest(ScoreMap.Planar(noise, 21, 16, 16), placement, default);
        Scores.AssertBest(noise, 21, 16, 16, placement, map);
    }

    [Theory]
    [InlineData("bilinear_56x72_half_pixel")]
    [InlineData("bilinear_61x47_half_pixel")]
    [InlineData("bilinear_7x9_half_pixel")]
    public void The_map_is_the_argmax_of_PyTorchs_interpolation(string reference)
    {
        var scores = SharedFiles.Reference("mask/lowres");
        var upsampled = SharedFiles.Reference($"mask/{reference}");
        var (height, width) = (upsampled.Shape[2], upsampled.Shape[3]);
        var area = height * width;
        for (var item = 0; item < 2; item++)
        {
            var low = ScoreMap.Planar(scores.F32.Slice(item * 3 * 14 * 18, 3 * 14 * 18), 3, 14, 18);
            var map = LabelMap.OfBest(low, Square.Place(width, height), default);
            for (var i = 0; i < area; i++)
            {
                var own = upsampled.F32[(((item * 3) + map.Ids[i]) * area) + i];
                for (var c = 0; c < 3; c++)
                {
                    var other = upsampled.F32[(((item * 3) + c) * area) + i];
                    Assert.True(other <= own + 1e-5f);
                }
            }
        }
    }

    [Fact]
    public void Of_equal_scores_the_lower_class_wins()
    {
        var map = LabelMap.OfBest(ScoreMap.Planar(new float[5 * 4], 5, 2, 2), Square.Place(20, 20), default);
        Assert.All(map.Ids, id => Assert.Equal(0, id));
    }

    [Fact]
    public void Two_cells_meet_halfway()
    {
        // class 0: 1 | 0, class 1: 0 | 1: equal in the middle of four pixels
        var map = LabelMap.OfBest(ScoreMap.Planar([1, 0, 0, 1], 2, 1, 2), Square.Place(4, 1), default);
        Assert.Equal([0, 0, 1, 1], map.Ids);
    }

    [Fact]
    public void Classes_not_asked_for_still_compete_and_leave_background()
    {
        var choice = new ClassChoice(Unassigned: LabelMap.Void, Classes: new HashSet<int> { 1 });
        var map = LabelMap.OfBest(ScoreMap.Planar([1, 0, 0, 1], 2, 1, 2), Square.Place(4, 1), choice);
        Assert.Equal([LabelMap.Void, LabelMap.Void, 1, 1], map.Ids);
    }

    [Fact]
    public void What_a_crop_hid_is_unassigned()
    {
        // 8 x 4 to 4 x 4 cut from the middle: two columns on each side were never seen
        var placement = new InputGeometry(4, 4, ResizeMode.ShortestCrop).Place(8, 4);
        var map = LabelMap.OfBest(ScoreMap.Planar([0, 1], 2, 1, 1), placement, new ClassChoice(7));
        Assert.Equal([7, 7, 1, 1, 1, 1, 7, 7], map.Row(3).ToArray());
    }

    [Fact]
    public void Padding_is_never_read()
    {
        // 64 x 32 letterboxed into 64 x 64: rows 0-15 and 48-63 are bars, cells of 16 pixels
        var placement = new InputGeometry(64, 64, ResizeMode.Letterbox).Place(64, 32);
        float[] first = [1, 0, 0, 1], second = [0, 1, 1, 0]; // bars: class 0
        var map = LabelMap.OfBest(ScoreMap.Interleaved(
            [.. first.Zip(second).SelectMany(pair => new[] { pair.First, pair.Second })], 2, 4, 1), placement, default);
        Assert.All(map.Ids, id => Assert.Equal(1, id));
    }

    [Fact]
    public void Scores_that_are_no_numbers_do_not_break_it()
    {
        var scores = Enumerable.Repeat(float.NaN, 21 * 4).ToArray();
        var map = LabelMap.OfBest(ScoreMap.Planar(scores, 21, 2, 2), Square.Place(30, 30), default);
        Assert.All(map.Ids, id => Assert.InRange(id, 0, 20));
    }

    [Fact]
    public void Indices_are_taken_from_the_nearest_cell()
    {
        var map = LabelMap.OfIndices([3, 70000, -1, 9], 1, 4, Square.Place(8, 1), default);
        Assert.Equal([3, 3, LabelMap.Void, LabelMap.Void, LabelMap.Void, LabelMap.Void, 9, 9], map.Ids);
    }

    [Fact]
    public void Pixels_are_counted_by_id()
    {
        var map = LabelMap.OfIndices([0, 2, 2, -1], 1, 4, Square.Place(4, 1), default);
        Assert.Equal([1L, 0, 2], map.CountPixels(3));
    }

    [Fact]
    public void The_better_instance_lies_on_top()
    {
        var map = LabelMap.OfInstances([Blobs.Of(".##"), Blobs.Of("##.")], 4, 1);
        Assert.Equal([2, 1, 1, 0], map.Ids);
    }

    [Fact]
    public void Twelve_megapixels_in_21_classes_take_no_memory_but_the_map()
    {
        var scores = Scores.Smooth(21, 65, 65, seed: 1);
        var placement = new InputGeometry(513, 513, ResizeMode.Stretch).Place(4000, 3000);
        LabelMap.OfBest(ScoreMap.Planar(scores, 21, 65, 65), placement, default); // fills the pools
        var before = GC.GetAllocatedBytesForCurrentThread();
        LabelMap.OfBest(ScoreMap.Planar(scores, 21, 65, 65), placement, default);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(allocated, 0, (12_000_000 * sizeof(ushort)) + 50_000); // a pool may have lost a row
    }
}
