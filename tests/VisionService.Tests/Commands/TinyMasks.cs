using OnnxGraph;

namespace VisionService.Tests.Commands;

/// <summary>A model of masks in YOLOv8's layout that finds the same in every image of 64 x 64.</summary>
internal static class TinyMasks
{
    public const string Manifest = "task: segment\nfamily: yolov8\ninput: {preset: unit}";

    private const int Classes = 3;
    private const int Prototypes = 2;
    private const int Anchors = 16;

    /// <summary>Class 0, at these corners in pixels; each mask fills its box.</summary>
    public static Graph Fixed(params (float Score, float XMin, float YMin, float XMax, float YMax)[] objects)
    {
        const int Height = 4 + Classes + Prototypes;
        var rows = new float[Height * Anchors];
        for (var i = 0; i < objects.Length; i++)
        {
            var (score, xMin, yMin, xMax, yMax) = objects[i];
            float[] column = [(xMin + xMax) / 2, (yMin + yMax) / 2, xMax - xMin, yMax - yMin, score, 0, 0, 1, 1];
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
        var none = g.Reshape(nothing, -1, 1, 1, 1);
        return g
            .Output(
                "output0", g.Add(g.Constant(rows, 1, Height, Anchors), nothing), ElementType.Float, "N", Height, Anchors)
            .Output(
                "output1", g.Add(g.Constant(ones, 1, Prototypes, 16, 16), none), ElementType.Float, "N", Prototypes, 16, 16)
            .Build();
    }
}
