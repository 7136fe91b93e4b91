using BenchmarkDotNet.Attributes;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;
using VisionService.Imaging;
using JpegEncoder = VisionService.Imaging.JpegEncoder;
using ResizeMode = VisionService.Imaging.ResizeMode;

namespace VisionService.Benchmarks.Imaging;

/// <summary>A JPEG to the planes of a 224 x 224 classifier.</summary>
[MemoryDiagnoser]
public class DecodeBenchmarks
{
    private readonly byte[] _planes = new byte[3 * 224 * 224];
    private readonly InputGeometry _geometry = new(224, 224, ResizeMode.ShortestCrop) { ResizeShortest = 256 };
    private readonly ImageDecoder _decoder = new(new ImagingOptions());
    private readonly ImageDecoder _managed = new(new ImagingOptions { UseTurbo = false });
    private byte[] _jpeg = [];

    [Params("640x480", "4000x3000")]
    public string Size { get; set; } = "";

    [GlobalSetup]
    public void Draw()
    {
        using var photo = Photo.Draw(Size == "640x480" ? 640 : 4000, Size == "640x480" ? 480 : 3000);
        _jpeg = JpegEncoder.Encode(photo, 85);
    }

    [Benchmark(Baseline = true)]
    public int ImageSharpAlone()
    {
        using var image = Image.Load<Rgb24>(_jpeg);
        image.Mutate(steps => steps.Resize(new ResizeOptions
        {
            Size = new Size(224, 224),
            Mode = SixLabors.ImageSharp.Processing.ResizeMode.Crop,
            Sampler = KnownResamplers.Triangle,
        }));
        image.ProcessPixelRows(rows =>
        {
            for (var y = 0; y < 224; y++)
            {
                var row = rows.GetRowSpan(y);
                for (var x = 0; x < 224; x++)
                {
                    var i = (y * 224) + x;
                    (_planes[i], _planes[50_176 + i], _planes[100_352 + i]) = (row[x].R, row[x].G, row[x].B);
                }
            }
        });
        return _planes[0];
    }

    [Benchmark]
    public int Managed() => Run(_managed);

    [Benchmark]
    public int Turbo() => Run(_decoder);

    private int Run(ImageDecoder decoder)
    {
        using var image = decoder.Decode(_jpeg, size => _geometry.NeededSize(size.Width, size.Height));
        Planes.Write(image, _geometry.Place(image.SourceWidth, image.SourceHeight), _planes);
        return _planes[0];
    }
}
