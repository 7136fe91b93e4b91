using VisionService.Imaging;
using VisionService.Segmentation;

namespace VisionService.Tests.Segmentation;

/// <summary>Class scores for tests, [C, h, w], and the plain way to read them.</summary>
internal static class Scores
{
    public static float[] Noise(int classes, int height, int width, int seed)
    {
#pragma warning disable CA5394 // the same noise each time is the point
        var random = new Random(seed);
        return [.. Enumerable.Range(0, classes * height * width).Select(_ => (float)random.NextDouble())];
#pragma warning restore CA5394
    }

    /// <summary>Waves: regions with borders, as real models answer.</summary>
    public static float[] Smooth(int classes, int height, int width, int seed)
    {
        var phases = Noise(classes, 4, 1, seed);
        return [.. Enumerable.Range(0, classes * height * width).Select(i =>
        {
            var (c, y, x) = (i / (height * width), i / width % height, i % width);
            return 5 * MathF.Sin((x * phases[c * 4] * 0.5f) + (9 * phases[(c * 4) + 1]))
                * MathF.Cos((y * phases[(c * 4) + 2] * 0.5f) + (9 * phases[(c * 4) + 3]));
        })];
    }

    public static ScoreMap Map(float[] planar, int classes, int height, int width, bool isInterleaved)
    {
        if (!isInterleaved)
        {
            return ScoreMap.Planar(planar, classes, height, width);
        }

        var area = height * width;
        var interleaved = Enumerable.Range(0, planar.Length).Select(i => planar[(i % classes * area) + (i / classes)]);
        return ScoreMap.Interleaved(interleaved.ToArray(), classes, height, width);
    }

    /// <summary>Holds a map against the definition: every class interpolated at every pixel, the best taken.</summary>
    public static void AssertBest(float[] scores, int classes, int height, int width, Placement placement, LabelMap map)
    {
        var geometry = placement.Geometry;
        var (lowX, highX) = Shown(placement.Left, placement.VisibleWidth, width, geometry.Width);
        var (lowY, highY) = Shown(placement.Top, placement.VisibleHeight, height, geometry.Height);
        for (var i = 0; i < map.Ids.Length; i++)
        {
            var inputX = placement.ToInputX((i % map.Width) + 0.5f);
            var inputY = placement.ToInputY((i / map.Width) + 0.5f);
            if (inputX < 0 || inputX > geometry.Width || inputY < 0 || inputY > geometry.Height)
            {
                Assert.Equal(0, map.Ids[i]);
                continue;
            }

            var x = Math.Clamp((inputX * (double)width / geometry.Width) - 0.5, lowX, highX);
            var y = Math.Clamp((inputY * (double)height / geometry.Height) - 0.5, lowY, highY);
            var values = new double[classes];
            for (var c = 0; c < classes; c++)
            {
                var plane = scores.AsSpan(c * height * width, height * width);
                var (left, top) = ((int)x, (int)y);
                var (right, bottom) = (Math.Min(left + 1, highX), Math.Min(top + 1, highY));
                var upper = double.Lerp(plane[(top * width) + left], plane[(top * width) + right], x - left);
                var lower = double.Lerp(plane[(bottom * width) + left], plane[(bottom * width) + right], x - left);
                values[c] = double.Lerp(upper, lower, y - top);
            }

            var best = values.Max();
            var taken = values[map.Ids[i]];
            Assert.True(taken >= best - 1e-5, $"pixel {i}: {taken} of class {map.Ids[i]}, best {best}");
        }
    }

    private static (int Low, int High) Shown(int start, int length, int cells, int input) =>
        ((int)Math.Floor((double)start * cells / input),
            (int)Math.Ceiling((double)(start + length) * cells / input) - 1);
}
