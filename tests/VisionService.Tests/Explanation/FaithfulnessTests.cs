using VisionService.Explanation;
using VisionService.Inference;

namespace VisionService.Tests.Explanation;

public class FaithfulnessTests
{
    private static readonly ModelInput Shape = new(1, 48, 64);

    [Fact]
    public void The_area_under_a_curve_is_measured_by_trapezoids()
    {
        Assert.Equal(0.5, Faithfulness.Auc([1, 0]));
        Assert.Equal(0.5, Faithfulness.Auc([1, float.NaN]));
        Assert.Equal(0.4375, Faithfulness.Auc([1, 0.25f, 0.25f]), 1e-9); // (1 + .25) / 4 + (.25 + .25) / 4
    }

    [Fact]
    public void A_true_map_beats_a_random_one_both_ways()
    {
        var (planes, map) = (Draws.Bytes(Shape.Length), Blob());
        var scores = Run(new Faithfulness(Shape, map, planes), planes, copy => Score(copy, map));
        Assert.True(scores.Deletion < scores.RandomDeletion, $"{scores}");
        Assert.True(scores.Insertion > scores.RandomInsertion, $"{scores}");
    }

    [Fact]
    public void A_map_turned_round_loses_to_a_random_one()
    {
        var (planes, map) = (Draws.Bytes(Shape.Length), Blob());
        var inverse = new HeatMap(map.Width, map.Height, Array.ConvertAll(map.Values, value => -value));
        var scores = Run(new Faithfulness(Shape, inverse, planes), planes, copy => Score(copy, map));
        Assert.True(scores.Deletion > scores.RandomDeletion, $"{scores}");
        Assert.True(scores.Insertion < scores.RandomInsertion, $"{scores}");
    }

    [Fact]
    public void Curves_run_from_the_picture_to_the_mean_and_from_the_blur_to_the_picture()
    {
        var planes = Draws.Bytes(Shape.Length);
        var faithfulness = new Faithfulness(Shape, Blob(), planes, steps: 4);
        Assert.Equal(16, faithfulness.Count);
        var mean = MeanColor.Of(Shape, planes)[0];
        var copies = Enumerable.Range(0, 16).Select(index => Copy(faithfulness, index, planes)).ToArray();
        Assert.All(copies[3], value => Assert.Equal(mean, value));
        Assert.Equal(copies[3], copies[11]);
        Assert.Equal(copies[4], copies[12]); // both insertions begin with the blurred copy
        // A few have the mean's value already.
        Assert.InRange(Changed(copies[0], planes), (Shape.Area / 4) - 30, Shape.Area / 4);
        Assert.InRange(Changed(copies[7], planes), 1, Shape.Area / 4);
    }

    [Fact]
    public void A_flat_map_favours_no_direction()
    {
        var planes = Draws.Bytes(Shape.Length);
        var copy = Copy(new Faithfulness(Shape, new HeatMap(1, 1, [1]), planes), 6, planes);
        var changed = Enumerable.Range(0, copy.Length).Where(i => copy[i] != planes[i]).ToArray();
        Assert.InRange(changed.Length, 700, 768); // a quarter, but for those of the mean's value
        Assert.Equal(31.5, changed.Average(i => i % 64), 3.0);
        Assert.Equal(23.5, changed.Average(i => i / 64), 3.0);
    }

    [Fact]
    public void Twice_gives_the_same_and_another_seed_another_random_map()
    {
        var planes = Draws.Bytes(Shape.Length);
        byte[] Last(ulong seed) => Copy(new Faithfulness(Shape, Blob(), planes, 5, seed), 12, planes);
        Assert.Equal(Last(1), Last(1));
        Assert.NotEqual(Last(1), Last(2));
    }

    private static HeatMap Blob()
    {
        var values = new float[6 * 8];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = MathF.Exp(-(MathF.Pow((i % 8) - 5, 2) + MathF.Pow((i / 8) - 2, 2)) / 2);
        }

        return new HeatMap(8, 6, values);
    }

    /// <summary>How much of the grain is left where the map is hot: linear in each pixel's distance from
    /// grey.</summary>
    private static float Score(byte[] copy, HeatMap map)
    {
        var weights = map.Resized(Shape.Width, Shape.Height).Values;
        return weights.Zip(copy, (weight, value) => weight * Math.Abs(value - 128f)).Sum();
    }

    private static FaithfulnessScores Run(Faithfulness faithfulness, byte[] planes, Func<byte[], float> score)
    {
        var scores = Enumerable.Range(0, faithfulness.Count).Select(index => score(Copy(faithfulness, index, planes)));
        return faithfulness.Combine(score(planes), [.. scores]);
    }

    private static byte[] Copy(Faithfulness faithfulness, int index, byte[] planes)
    {
        var copy = new byte[planes.Length];
        faithfulness.Write(index, planes, copy);
        return copy;
    }

    private static int Changed(byte[] copy, byte[] planes) => copy.Zip(planes).Count(pair => pair.First != pair.Second);
}
