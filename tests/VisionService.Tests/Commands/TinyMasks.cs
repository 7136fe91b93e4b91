using OnnxGraph;

namespace VisionService.Tests.Commands;

/// <summary>Segmenters of a few hundred bytes whose masks can be worked out by hand.</summary>
internal static class TinyMasks
{
    public const string Manifest = "task: segment\nfamily: yolov8\ninput: {preset: unit}";

    private const int Classes = 3;
    private const int Prototypes = 32;
    private const int Anchors = 64;

    /// <summary>A map: class c is channel c, in 4 x 4 pixels.</summary>
    public static Graph Brightest()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, "N", Classes, 4, 4);
        return g.Output("map", g.Relu(x), ElementType.Float, "N", Classes, 4, 4).Build();
    }

    /// <summary>Objects in YOLOv8's layout, the same in every image of 64 x 64: class 0 at these corners, in pixels;
    /// each mask fills its box.</summary>
    public static Graph Fixed(params (float Score, float XMin, float YMin, float XMax, float YMax)[] objects)
    {
        const int Height = 4 + Classes + Prototypes;
        var rows = new float[Height * Anchors];
        for (var i = 0; i < objects.Length; i++)
        {
            var (score, xMin, yMin, xMax, yMax) = objects[i];
            float[] box = [(xMin + xMax) / 2, (yMin + yMax) / 2, xMax - xMin, yMax - yMin];
            float[] column = [.. box, score, 0, 0, .. Enumerable.Repeat(1f, Prototypes)];
            for (var row = 0; row < Height; row++)
            {
                rows[(row * Anchors) + i] = column[row];
            }
        }

        var ones = new float[Prototypes * 16 * 16];
        Array.Fill(ones, 1);
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("images", ElementType.Float, "N", 3, 64, 64);
        var mean = g.Reshape(g.Node("ReduceMean", [x], ("axes", new long[] { 1, 2, 3 })), -1, 1, 1);
        var nothing = g.Mul(mean, g.Constant([0f]));
        var masks = g.Add(g.Constant(ones, 1, Prototypes, 16, 16), g.Reshape(nothing, -1, 1, 1, 1));
        return g
            .Output(
                "output0", g.Add(g.Constant(rows, 1, Height, Anchors), nothing), ElementType.Float, "N", Height, "A")
            .Output("output1", masks, ElementType.Float, "N", Prototypes, 16, 16)
            .Build();
    }
}
