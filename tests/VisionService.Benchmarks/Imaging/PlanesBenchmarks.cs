using BenchmarkDotNet.Attributes;
using VisionService.Imaging;

namespace VisionService.Benchmarks.Imaging;

/// <summary>Pixels of 640 x 480 to planes: without resizing (splitting alone), and resized.</summary>
[MemoryDiagnoser]
public class PlanesBenchmarks
{
    private readonly RgbImage _photo = Photo.Draw(640, 480);
    private byte[] _planes = [];
    private InputGeometry _geometry = new(1, 1, ResizeMode.None);

    [Params("split", "224 crop", "640 letterbox", "640 square")]
    public string Case { get; set; } = "";

    [GlobalSetup]
    public void Prepare()
    {
        _geometry = Case switch
        {
            "split" => new InputGeometry(640, 480, ResizeMode.None),
            "224 crop" => new InputGeometry(224, 224, ResizeMode.ShortestCrop) { ResizeShortest = 256 },
            "640 letterbox" => new InputGeometry(640, 640, ResizeMode.Letterbox) { Antialias = false, Pad = 114 },
            _ => new InputGeometry(640, 640, ResizeMode.Stretch),
        };
        _planes = new byte[3 * _geometry.Width * _geometry.Height];
    }

    /// <summary>One pixel after the other: its neighbours weighted in floating point, along x and y at once.</summary>
    [Benchmark(Baseline = true)]
    public void ScalarLoop()
    {
        var placement = _geometry.Place(640, 480);
        var area = _geometry.Width * _geometry.Height;
        var scaleX = (float)_photo.Width / placement.ResizedWidth;
        var scaleY = (float)_photo.Height / placement.ResizedHeight;
        var (reachX, reachY) = (Math.Max(1, scaleX), Math.Max(1, scaleY));
        _planes.AsSpan().Fill(_geometry.Pad);
        var pixels = _photo.Pixels;
        for (var y = 0; y < placement.VisibleHeight; y++)
        {
            var centerY = ((y + placement.CropTop + 0.5f) * scaleY) - 0.5f;
            for (var x = 0; x < placement.VisibleWidth; x++)
            {
                var centerX = ((x + placement.CropLeft + 0.5f) * scaleX) - 0.5f;
                var (r, g, b, sum) = (0f, 0f, 0f, 0f);
                for (var v = Math.Max(0, (int)(centerY - reachY) + 1); v < Math.Min(480, centerY + reachY); v++)
                {
                    var weightY = 1 - (Math.Abs(v - centerY) / reachY);
                    for (var u = Math.Max(0, (int)(centerX - reachX) + 1); u < Math.Min(640, centerX + reachX); u++)
                    {
                        var weight = weightY * (1 - (Math.Abs(u - centerX) / reachX));
                        var offset = ((v * 640) + u) * 3;
                        r += weight * pixels[offset];
                        g += weight * pixels[offset + 1];
                        b += weight * pixels[offset + 2];
                        sum += weight;
                    }
                }

                var i = ((placement.Top + y) * _geometry.Width) + placement.Left + x;
                _planes[i] = (byte)((r / sum) + 0.5f);
                _planes[area + i] = (byte)((g / sum) + 0.5f);
                _planes[(2 * area) + i] = (byte)((b / sum) + 0.5f);
            }
        }
    }

    [Benchmark]
    public void Write() => Planes.Write(_photo, _geometry.Place(640, 480), _planes);

    [GlobalCleanup]
    public void Dispose() => _photo.Dispose();
}
