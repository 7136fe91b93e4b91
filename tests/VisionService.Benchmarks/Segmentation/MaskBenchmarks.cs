using BenchmarkDotNet.Attributes;
using VisionService.Imaging;
using VisionService.Segmentation;

namespace VisionService.Benchmarks.Segmentation;

/// <summary>A region of a full-HD picture as COCO's run lengths.</summary>
[MemoryDiagnoser]
public class RleBenchmarks
{
    private InstanceMask _mask = new(0, 0, 0, 0);

    [GlobalSetup]
    public void Prepare()
    {
        var placement = new InputGeometry(513, 513, ResizeMode.Stretch).Place(1920, 1080);
        var scores = LabelMapBenchmarks.Scores(isNoise: false);
        var map = LabelMap.OfBest(ScoreMap.Planar(scores, 21, 65, 65), placement, default);
        var pixels = map.CountPixels(21);
        _mask = InstanceMask.Of(map, (ushort)Array.IndexOf(pixels, pixels.Max()));
    }

    /// <summary>Down every column of the whole picture, one pixel after the other.</summary>
    [Benchmark(Baseline = true)]
    public int[] PlainLoop()
    {
        var counts = new List<int>();
        var (run, current) = (0, false);
        for (var x = 0; x < 1920; x++)
        {
            for (var y = 0; y < 1080; y++)
            {
                var (column, row) = (x - _mask.Left, y - _mask.Top);
                var isSet = column >= 0 && row >= 0 && column < _mask.Width && row < _mask.Height && _mask[column, row];
                if (isSet != current)
                {
                    counts.Add(run);
                    (run, current) = (0, isSet);
                }

                run++;
            }
        }

        counts.Add(run);
        return [.. counts];
    }

    [Benchmark]
    public int[] Encode() => RleMask.Encode(_mask, 1920, 1080).Counts;

    [Benchmark]
    public string EncodeToString() => RleMask.Encode(_mask, 1920, 1080).ToCompressedString();

    [Benchmark]
    public int Polygon() => Polygons.Of(_mask).Count;
}

/// <summary>Five objects of 400 x 500 pixels from 32 prototypes of 160 x 160, in a photo of 810 x 1080.</summary>
[MemoryDiagnoser]
public class PrototypeBenchmarks
{
    private const int Objects = 5;
    private readonly Placement _placement = new InputGeometry(640, 640, ResizeMode.Letterbox).Place(810, 1080);
    private readonly float[] _prototypes = new float[32 * 160 * 160];
    private readonly float[] _coefficients = new float[32];

    [GlobalSetup]
    public void Prepare()
    {
        for (var i = 0; i < _prototypes.Length; i++)
        {
            _prototypes[i] = MathF.Sin(i * 0.01f);
        }

        for (var k = 0; k < 32; k++)
        {
            _coefficients[k] = MathF.Cos(k);
        }
    }

    /// <summary>The whole map per object, every pixel interpolated, then cut to the box.</summary>
    [Benchmark(Baseline = true)]
    public long PlainLoop()
    {
        var area = 0L;
        var logits = new float[160 * 160];
        for (var i = 0; i < Objects; i++)
        {
            for (var cell = 0; cell < logits.Length; cell++)
            {
                logits[cell] = 0;
                for (var k = 0; k < 32; k++)
                {
                    logits[cell] += _coefficients[k] * _prototypes[(k * logits.Length) + cell];
                }
            }

            var mask = new bool[810 * 1080];
            for (var pixel = 0; pixel < mask.Length; pixel++)
            {
                var (px, py) = (pixel % 810, pixel / 810);
                var x = Math.Clamp((_placement.ToInputX(px + 0.5f) / 4) - 0.5f, 0, 159);
                var y = Math.Clamp((_placement.ToInputY(py + 0.5f) / 4) - 0.5f, 0, 159);
                var (left, top) = ((int)x, (int)y);
                var (right, bottom) = (Math.Min(left + 1, 159), Math.Min(top + 1, 159));
                var upper = float.Lerp(logits[(top * 160) + left], logits[(top * 160) + right], x - left);
                var lower = float.Lerp(logits[(bottom * 160) + left], logits[(bottom * 160) + right], x - left);
                mask[pixel] = float.Lerp(upper, lower, y - top) > 0 && px is >= 100 and < 500 && py is >= 200 and < 700;
                area += mask[pixel] ? 1 : 0;
            }
        }

        return area;
    }

    [Benchmark]
    public long Mix()
    {
        var area = 0L;
        for (var i = 0; i < Objects; i++)
        {
            var masks = new PrototypeMasks(_prototypes, 160, 160, _placement);
            area += masks.Mix(_coefficients, new(100, 200, 500, 700)).Area;
        }

        return area;
    }
}
