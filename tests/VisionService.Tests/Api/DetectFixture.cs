using VisionService.Tests.Detection;

namespace VisionService.Tests.Api;

/// <summary>One service with tiny detectors, shared by the tests of a class.</summary>
public sealed class DetectFixture : IAsyncLifetime
{
    internal TestService Service { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Service = await TestService.StartAsync(new ModelFolder()
        .Add(
            "fixed",
            TinyDetectors.Fixed(
                (0, 0.9f, 0, 0, 40, 40),
                (0, 0.8f, 0, 0, 40, 30), // IoU with the first 1200 / 1600 = .75
                (1, 0.7f, 0, 0, 40, 40),
                (2, 0.3f, 44, 44, 64, 64),
                (0, 0.2f, 44, 0, 60, 20)),
            TinyDetectors.Unit,
            ModelFolder.ColorLabels)
        .Add("centred", TinyDetectors.Colors(64, 64).Build(), TinyDetectors.Unit, ModelFolder.ColorLabels)
        .Add(
            "top-left",
            TinyDetectors.Colors(64, 64).Build(),
            "input: {preset: unit, align: topleft}",
            ModelFolder.ColorLabels)
        .Add(
            "stretched",
            TinyDetectors.Colors(64, 96).Build(),
            "input: {preset: unit, resize: stretch, antialias: false}",
            ModelFolder.ColorLabels)
        .Add(
            "any-size",
            TinyDetectors.Colors("H", "W").Build(),
            "input: {preset: unit, size: 128}",
            ModelFolder.ColorLabels)
        .Add("grey", TinyDetectors.Bright(64, 64).Build(), "input: {scale: 1/255}", "bright\n")
        .Add("spots", TinyDetectors.Spots(), "{input: {preset: unit}, output: {iou: 0.4}}", "spot\n")
        .Add("afraid", TinyDetectors.AfraidOfGreen(), TinyDetectors.Unit, ModelFolder.ColorLabels)
        .Add("colors", TinyModels.Colors(), "input: {preset: unit}", ModelFolder.ColorLabels));

    public ValueTask DisposeAsync() => Service.DisposeAsync();
}
