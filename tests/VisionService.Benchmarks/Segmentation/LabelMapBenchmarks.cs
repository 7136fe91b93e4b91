using BenchmarkDotNet.Attributes;
using VisionService.Imaging;
using VisionService.Segmentation;

namespace VisionService.Benchmarks.Segmentation;

/// <summary>Scores of 21 classes, 65 by 65, to the best class of each pixel at 1920 x 1080.</summary>
[MemoryDiagnoser]
public class LabelMapBenchmarks
{
    private const int Classes = 21;
    private const int Side = 65;
    private readonly Placement _placement = new InputGeometry(513, 513, ResizeMode.Stretch).Place(1920, 1080);
    private float[] _scores = [];

    /// <summary>Regions with borders, as models answer; and noise, where every class may win anywhere.</summary>
    [Params("regions", "noise")]
    public string Case { get; set; } = "";

    [GlobalSetup]
    public void Prepare() => _scores = Scores(Case == "noise");

    /// <summary>Every class interpolated at every pixel.</summary>
    [Benchmark(Baseline = true)]
    public ushort[] PlainLoop()
    {
        var ids = new ushort[1920 * 1080];
        for (var y = 0; y < 1080; y++)
        {
            var v = Math.Clamp(((y + 0.5f) * Side / 1080) - 0.5f, 0, Side - 1);
            var top = (int)v;
            var bottom = Math.Min(top + 1, Side - 1);
            var down = v - top;
            for (var x = 0; x < 1920; x++)
            {
                var u = Math.Clamp(((x + 0.5f) * Side / 1920) - 0.5f, 0, Side - 1);
                var left = (int)u;
                var right = Math.Min(left + 1, Side - 1);
                var across = u - left;
                var (best, bestScore) = (0, float.NegativeInfinity);
                for (var c = 0; c < Classes; c++)
                {
                    var plane = _scores.AsSpan(c * Side * Side, Side * Side);
                    var above = plane.Slice(top * Side, Side);
                    var below = plane.Slice(bottom * Side, Side);
                    var upper = above[left] + ((above[right] - above[left]) * across);
                    var lower = below[left] + ((below[right] - below[left]) * across);
                    var score = upper + ((lower - upper) * down);
                    (best, bestScore) = score > bestScore ? (c, score) : (best, bestScore);
                }

                ids[(y * 1920) + x] = (ushort)best;
            }
        }

        return ids;
    }

    [Benchmark]
    public ushort[] OfBest() => LabelMap.OfBest(ScoreMap.Planar(_scores, Classes, Side, Side), _placement, default).Ids;

    internal static float[] Scores(bool isNoise)
    {
#pragma warning disable CA5394 // the same scores each time is the point
        var random = new Random(1);
        var scores = new float[Classes * Side * Side];
        for (var c = 0; c < Classes; c++)
        {
            var (centerX, centerY, radius) = (random.Next(Side), random.Next(Side), random.Next(5, 25));
            for (var i = 0; i < Side * Side; i++)
            {
                var (dx, dy) = ((i % Side) - centerX, (i / Side) - centerY);
                var hill = 10 * MathF.Exp(-((dx * dx) + (dy * dy)) / (float)(radius * radius));
                scores[(c * Side * Side) + i] = (isNoise ? 0 : hill) + (float)random.NextDouble();
            }
        }

        return scores;
#pragma warning restore CA5394
    }
}
