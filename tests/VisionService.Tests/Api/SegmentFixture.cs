using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Tests.Segmentation;

namespace VisionService.Tests.Api;

/// <summary>One service with small segmentation models, and the picture that they are asked about.</summary>
public sealed class SegmentFixture : IAsyncLifetime
{
    internal const int Width = SegmentationModels.Width;
    internal const int Height = SegmentationModels.Height;
    private const string Unit = "{task: segment, input: {preset: unit}}";
    private const string Colors = "red\ngreen\nblue\n";

    internal TestService Service { get; private set; } = null!;

    /// <summary>0 red: a frame with a hole; 1 green: a bar; 2 blue: the rest, and the hole. All in blocks of
    /// 4.</summary>
    internal static int ColorAt(int x, int y) =>
        x is >= 4 and < 24 && y is >= 4 and < 24 ? (x is >= 8 and < 16 && y is >= 8 and < 20 ? 2 : 0)
        : x is >= 28 and < 36 ? 1
        : 2;

    internal static int[] Drawn { get; } = [.. Enumerable.Range(0, Width * Height).Select(i =>
        ColorAt(i % Width, i / Width))];

    internal static byte[] Scene(IImageEncoder? encoder = null)
    {
        using var image = new Image<Rgb24>(Width, Height);
        for (var i = 0; i < Drawn.Length; i++)
        {
            image[i % Width, i / Width] = Drawn[i] switch
            {
                0 => new(255, 0, 0),
                1 => new(0, 255, 0),
                _ => new(0, 0, 255),
            };
        }

        return Photos.Encode(image, encoder);
    }

    public async ValueTask InitializeAsync() => Service = await TestService.StartAsync(
        ModelFolder.WithColors()
            .Add("planar", SegmentationModels.Colors(), Unit, Colors)
            .Add("planar4", SegmentationModels.Colors(stride: 4), Unit, Colors)
            .Add("interleaved", SegmentationModels.Colors(interleaved: true), Unit, Colors)
            .Add("interleaved4", SegmentationModels.Colors(stride: 4, interleaved: true), Unit, Colors)
            .Add("indices", SegmentationModels.Indices(), Unit, Colors)
            .Add("indices4", SegmentationModels.Indices(stride: 4, keepAxis: true), Unit, Colors)
            .Add("two", SegmentationModels.Colors(classes: 2), Unit, "red\ngreen\n")
            .Add("many", SegmentationModels.Colors(classes: 300, first: 290), Unit)
            .Add("red-alone", SegmentationModels.Redness(), Unit, "red\n")
            .Add("with-background", SegmentationModels.Colors(), Unit, "background\ngreen\nblue\n")
            .Add("yolo", SegmentationModels.Yolo(), "input: {preset: unit}", "disc\nhalf\n")
            .Add(
                "yolo-strict",
                SegmentationModels.Yolo(),
                "{input: {preset: unit}, output: {per_class_conf: {disc: 0.85, half: 0.7}}}",
                "disc\nhalf\n"));

    public ValueTask DisposeAsync() => Service.DisposeAsync();
}
