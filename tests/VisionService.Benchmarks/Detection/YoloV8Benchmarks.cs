using BenchmarkDotNet.Attributes;
using Microsoft.ML.OnnxRuntime;
using VisionService.Detection;
using VisionService.Detection.Decoders;
using VisionService.Inference;

namespace VisionService.Benchmarks.Detection;

/// <summary>An 84 x 8400 head, decoded and suppressed, against the loop that one would write first.</summary>
[MemoryDiagnoser]
public class YoloV8Benchmarks
{
    private const int Classes = 80;
    private const int Anchors = 8400;

    private readonly YoloV8 _decoder = new(0, Classes);
    private float[] _head = [];
    private BatchOutputs _outputs = null!;
    private ScoreFilter _filter = null!;

    /// <summary>0.25 as a request would say; 0.001 as an evaluation does.</summary>
    [Params(0.25f, 0.001f)]
    public float MinScore { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(1);
        _head = new float[(4 + Classes) * Anchors];
        for (var i = 0; i < Anchors; i++)
        {
            (_head[i], _head[Anchors + i]) = (random.NextSingle() * 640, random.NextSingle() * 640);
            (_head[(2 * Anchors) + i], _head[(3 * Anchors) + i]) = (20 + (random.NextSingle() * 200), 20 + (random.NextSingle() * 200));
        }

        for (var i = 4 * Anchors; i < _head.Length; i++)
        {
            _head[i] = MathF.Pow(random.NextSingle(), 4) * 0.002f;
        }

        for (var i = 0; i < 150; i++)
        {
            _head[((4 + random.Next(Classes)) * Anchors) + random.Next(Anchors)] = 0.25f + (random.NextSingle() * 0.7f);
        }

        _outputs = new BatchOutputs(
            ["output0"], new OrtValues { OrtValue.CreateTensorValueFromMemory(_head, [1, 4 + Classes, Anchors]) }, 1, 1);
        _filter = new ScoreFilter(MinScore);
    }

    [Benchmark(Baseline = true)]
    public int PlainLoop()
    {
        var found = new List<(Box Box, int ClassId, float Score)>();
        for (var i = 0; i < Anchors; i++)
        {
            var (best, classId) = (0f, 0);
            for (var c = 0; c < Classes; c++)
            {
                var score = _head[((4 + c) * Anchors) + i];
                if (score > best)
                {
                    (best, classId) = (score, c);
                }
            }

            if (best >= MinScore)
            {
                found.Add((Box.Around(_head[i], _head[Anchors + i], _head[(2 * Anchors) + i], _head[(3 * Anchors) + i]), classId, best));
            }
        }

        var kept = new List<(Box Box, int ClassId, float Score)>();
        foreach (var one in found.OrderByDescending(static one => one.Score))
        {
            if (kept.Count < 300 && !kept.Exists(other => other.ClassId == one.ClassId && IoU.Of(other.Box, one.Box) > 0.45f))
            {
                kept.Add(one);
            }
        }

        return kept.Count;
    }

    [Benchmark]
    public int DecodeAndKeep()
    {
        using var candidates = Candidates.Rent(_filter);
        _decoder.Decode(new ModelOutputs(_outputs, 0), candidates);
        NonMaxSuppression.Keep(candidates, SuppressionMethod.Class, 0.45f, 300);
        return candidates.Count;
    }

    private sealed class OrtValues : List<OrtValue>, IDisposableReadOnlyCollection<OrtValue>
    {
        public void Dispose() => ForEach(static value => value.Dispose());
    }
}
