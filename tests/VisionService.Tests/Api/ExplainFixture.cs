using OnnxGraph;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Tests.Detection;
using VisionService.Tests.Explanation;
using VisionService.Tests.Segmentation;

namespace VisionService.Tests.Api;

/// <summary>One service with networks whose heat maps can be worked out by hand.</summary>
public sealed class ExplainFixture : IAsyncLifetime
{
    // Of the picture, 64 x 48: a red spot on black that a central crop of 48 x 48 shows too.
    internal const int Width = 64;
    internal const int Height = 48;
    internal const int Left = 40;
    internal const int Top = 0;
    internal const int SpotSide = 12;

    private const string Stretch = "input: {preset: unit, resize: stretch}";

    internal TestService Service { get; private set; } = null!;

    internal static byte[] Spot(IImageEncoder? encoder = null)
    {
        using var image = new Image<Rgb24>(Width, Height);
        Paint(image, Left, Top, SpotSide, new Rgb24(255, 0, 0));
        return Photos.Encode(image, encoder);
    }

    /// <summary>A red square on the left and a green one, half as bright, on the right.</summary>
    internal static byte[] TwoSpots()
    {
        using var image = new Image<Rgb24>(32, 32);
        Paint(image, 0, 0, 8, new Rgb24(255, 0, 0));
        Paint(image, 24, 24, 8, new Rgb24(0, 128, 0));
        return Photos.Encode(image);
    }

    internal static void Paint(Image<Rgb24> image, int left, int top, int side, Rgb24 color)
    {
        for (var i = 0; i < side * side; i++)
        {
            image[left + (i % side), top + (i / side)] = color;
        }
    }

    public async ValueTask InitializeAsync() => Service = await TestService.StartAsync(new ModelFolder()
        .Add("linear", TinyNets.Linear(), Stretch, ModelFolder.ColorLabels)
        .Add("crop", TinyNets.Linear(), "input: {preset: unit, resize: shortest-crop}", ModelFolder.ColorLabels)
        .Add("letterbox", TinyNets.Linear(), "input: {preset: unit, resize: letterbox, pad: 0}", ModelFolder.ColorLabels)
        .Add("softmax", TinyNets.Linear(softmax: true), Stretch, ModelFolder.ColorLabels)
        .Add("half", TinyNets.Linear(type: ElementType.Float16), Stretch, ModelFolder.ColorLabels)
        .Add("bytes", TinyNets.Linear(type: ElementType.UInt8), Stretch, ModelFolder.ColorLabels)
        .Add("interleaved", TinyNets.Linear(interleaved: true), Stretch, ModelFolder.ColorLabels)
        .Add("batch-of-two", TinyNets.Linear(batch: 2), Stretch, ModelFolder.ColorLabels)
        .Add("batch-of-one", TinyNets.Linear(batch: 1), Stretch, ModelFolder.ColorLabels)
        .Add("background", TinyNets.Linear(backgrounds: 1), Stretch, ModelFolder.ColorLabels)
        .Add("grey", TinyNets.Linear(channels: 1), Stretch, ModelFolder.ColorLabels)
        .Add(
            "any-size",
            TinyNets.Linear(side: "S"),
            "input: {preset: unit, resize: native, multiple_of: 32, size: [96, 96]}",
            ModelFolder.ColorLabels)
        .Add("two-convolutions", TinyNets.TwoConvolutions(), Stretch, ModelFolder.ColorLabels)
        .Add("early", TinyNets.Linear(early: "Shrink"), Stretch, ModelFolder.ColorLabels)
        .Add("late", TinyNets.Linear(late: "Shrink"), Stretch, ModelFolder.ColorLabels)
        .Add("late-unasked", TinyNets.Linear(late: "Shrink"), Stretch, ModelFolder.ColorLabels)
        .Add("flat", TinyNets.Flat(), Stretch, ModelFolder.ColorLabels)
        .Add("clipped", TinyNets.Clipped(), Stretch, ModelFolder.ColorLabels)
        .Add("synsets", TinyNets.Linear(), Stretch, "n00000001 red\nn00000002 green\nn00000003 blue\n")
        .Add("detector", TinyDetectors.Colors(64, 64).Build(), TinyDetectors.Unit, ModelFolder.ColorLabels)
        .Add("map", SegmentationModels.Colors(stride: 4), "{task: segment, input: {preset: unit}}", ModelFolder.ColorLabels));

    public ValueTask DisposeAsync() => Service.DisposeAsync();
}
