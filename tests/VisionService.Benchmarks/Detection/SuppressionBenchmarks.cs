using BenchmarkDotNet.Attributes;
using VisionService.Detection;

namespace VisionService.Benchmarks.Detection;

/// <summary>Greedy suppression at the sizes of a photo, a crowd, and a head without a score limit.</summary>
[MemoryDiagnoser]
public class SuppressionBenchmarks
{
    private readonly ScoreFilter _filter = new(0);
    private (Box Box, int ClassId, float Score)[] _scene = [];

    [Params(100, 1_000, 8_400)]
    public int Count { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(1);
        _scene = new (Box, int, float)[Count];
        for (var i = 0; i < Count; i++)
        {
            var (x, y) = (random.NextSingle() * 640, random.NextSingle() * 640);
            var box = new Box(x, y, x + 20 + (random.NextSingle() * 100), y + 20 + (random.NextSingle() * 100));
            _scene[i] = (box, random.Next(10), random.NextSingle());
        }
    }

    [Benchmark(Baseline = true)]
    public int PlainLoop()
    {
        var kept = new List<(Box Box, int ClassId, float Score)>();
        foreach (var one in _scene.OrderByDescending(static one => one.Score))
        {
            if (!kept.Exists(other => other.ClassId == one.ClassId && IoU.Of(other.Box, one.Box) > 0.45f))
            {
                kept.Add(one);
            }
        }

        return kept.Count;
    }

    [Benchmark]
    public int Keep()
    {
        using var candidates = Candidates.Rent(_filter);
        for (var i = 0; i < _scene.Length; i++)
        {
            candidates.Add(_scene[i].Box, _scene[i].ClassId, _scene[i].Score, i);
        }

        NonMaxSuppression.Keep(candidates, SuppressionMethod.Class, 0.45f);
        return candidates.Count;
    }
}
