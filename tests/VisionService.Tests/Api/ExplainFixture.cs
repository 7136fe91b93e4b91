using OnnxGraph;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace VisionService.Tests.Api;

/// <summary>One service with small models whose explanations can be worked out by hand.</summary>
public sealed class ExplainFixture : IAsyncLifetime
{
    public const int Side = 32;

    internal TestService Service { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        const string Stretch = "task: classify\ninput: {preset: unit, resize: stretch}";
        Service = await TestService.StartAsync(new ModelFolder()
            .Add("linear", Linear(), Stretch, ModelFolder.ColorLabels)
            .Add("cropped", Linear(), "task: classify\ninput: {preset: unit, resize: shortest-crop}", ModelFolder.ColorLabels)
            .Add("letterboxed", Linear(), "task: classify\ninput: {preset: unit, resize: letterbox, pad: 0}", ModelFolder.ColorLabels)
            .Add("deep", Deep(), Stretch, ModelFolder.ColorLabels)
            .Add("opaque", Opaque(), Stretch, ModelFolder.ColorLabels)
            .Add("flat", TinyModels.Mirror(side: 1), "task: classify\ninput: {preset: raw, resize: stretch}", ModelFolder.ColorLabels));
    }

    public ValueTask DisposeAsync() => Service.DisposeAsync();

    /// <summary>A black picture with one coloured square of an eighth of its sides.</summary>
    /// <param name="column">0 to 7, from the left.</param>
    internal static byte[] Spot(Rgb24 color, int column, int row, int width = Side, int height = Side)
    {
        using var image = new Image<Rgb24>(width, height);
        for (var y = row * height / 8; y < (row + 1) * height / 8; y++)
        {
            for (var x = column * width / 8; x < (column + 1) * width / 8; x++)
            {
                image[x, y] = color;
            }
        }

        return Photos.Encode(image);
    }

    /// <summary>A class for each channel: its mean over the cells of an eighth of the sides.</summary>
    private static Graph Linear()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, "N", 3, Side, Side);
        var cells = g.Name(g.Relu(g.Node("AveragePool", [x], ("kernel_shape", new long[] { 4, 4 }), ("strides", new long[] { 4, 4 }))), "cells");
        return g.Output("scores", TinyModels.Means(g, cells, 8)).Build();
    }

    /// <summary>As <see cref="Linear"/> with a second, squaring layer behind the mean.</summary>
    private static Graph Deep()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, 1, 3, Side, Side);
        var cells = g.Name(g.Relu(g.Node("AveragePool", [x], ("kernel_shape", new long[] { 4, 4 }), ("strides", new long[] { 4, 4 }))), "cells");
        var means = TinyModels.Means(g, cells, 8);
        return g.Output("scores", g.Mul(means, means)).Build();
    }

    /// <summary>An operator in the middle that has no gradient here; it leaves its input as it is.</summary>
    private static Graph Opaque()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, 1, 3, Side, Side);
        var cells = g.Node("AveragePool", [x], ("kernel_shape", new long[] { 4, 4 }), ("strides", new long[] { 4, 4 }));
        var means = TinyModels.Means(g, g.Relu(cells), 8);
        return g.Output("scores", g.Node("ReverseSequence", [g.Mul(means, means), g.Constant([1L, 1, 1])])).Build();
    }
}
