using OnnxGraph;

namespace VisionService.Tests.Detection;

/// <summary>Detectors of a few hundred bytes, in YOLOv8's layout, whose boxes can be worked out by hand.</summary>
internal static class TinyDetectors
{
    public const string Unit = "input: {preset: unit}";

    // Further right and below than any input reaches.
    private const float Far = 4096;

    /// <summary>Finds the same objects in every image of 64 x 64: three classes, corners in pixels.</summary>
    public static Graph Fixed(
        params (int ClassId, float Score, float XMin, float YMin, float XMax, float YMax)[] objects)
    {
        const int Classes = 3;
        var rows = new float[(4 + Classes) * objects.Length];
        for (var i = 0; i < objects.Length; i++)
        {
            var (classId, score, xMin, yMin, xMax, yMax) = objects[i];
            float[] box = [(xMin + xMax) / 2, (yMin + yMax) / 2, xMax - xMin, yMax - yMin];
            for (var row = 0; row < 4; row++)
            {
                rows[(row * objects.Length) + i] = box[row];
            }

            rows[((4 + classId) * objects.Length) + i] = score;
        }

        var g = new GraphBuilder(opset: 13);
        var x = g.Input("images", ElementType.Float, "N", 3, 64, 64);
        var nothing = g.Mul(
            g.Reshape(g.Node("ReduceMean", [x], ("axes", new long[] { 1, 2, 3 })), -1, 1, 1), g.Constant([0f]));
        return g.Output(
            "output0",
            g.Add(g.Constant(rows, 1, 4 + Classes, objects.Length), nothing),
            ElementType.Float,
            "N",
            4 + Classes,
            "A")
            .Build();
    }

    /// <summary>
    /// Classes red, green and blue, score .9: the smallest box around all that is more of that colour than of the others
    /// by half. Right to the pixel of the network's input.
    /// </summary>
    /// <param name="height">Of the input; a symbol where the network takes any.</param>
    public static GraphBuilder Colors(Dimension height, Dimension width)
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("images", ElementType.Float, "N", 3, height, width);
        var more = g.Conv(x, g.Constant([1f, -1, -1, -1, 1, -1, -1, -1, 1], 3, 3, 1, 1));
        return Around(g, IsOver(g, more, 0.5f), classes: 3);
    }

    /// <summary>As <see cref="Colors"/> for one channel and one class: what is brighter than half.</summary>
    public static GraphBuilder Bright(int height, int width)
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("images", ElementType.Float, "N", 1, height, width);
        return Around(g, IsOver(g, x, 0.5f), classes: 1);
    }

    /// <summary>
    /// One class, score .9: red spots, each 6 to 13 pixels wide in an input of 64 x 64 and 13 or more pixels apart. What
    /// is smaller is not seen, as with any network.
    /// </summary>
    public static Graph Spots()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("images", ElementType.Float, "N", 3, 64, 64);
        var mask = IsOver(g, g.Conv(x, g.Constant([1f, -1, -1], 1, 3, 1, 1)), 0.5f);

        // Each red pixel takes the extremes of the red pixels up to twelve from it.
        string Extreme(string distance) => g.MaxPool(g.Mul(mask, distance), kernel: 25, stride: 1, padding: 12);
        var (xMin, yMin, xMax, yMax) = Extremes(g, mask, Extreme);
        var isWide = IsOver(g, g.Node("Sub", [xMax, xMin]), 5.5f);
        var score = g.Mul(g.Mul(mask, isWide), g.Constant([0.9f]));
        return g.Output(
            "output0",
            Rows(g, xMin, yMin, xMax, yMax, g.Reshape(score, 0, 1, -1), 1),
            ElementType.Float,
            "N",
            5,
            "A").Build();
    }

    /// <summary>As <see cref="Spots"/>, but an image with green in it makes the run itself fail.</summary>
    public static Graph AfraidOfGreen()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("images", ElementType.Float, "N", 3, 64, 64);
        var green = IsOver(g, g.Conv(x, g.Constant([-1f, 1, -1], 1, 3, 1, 1)), 0.5f);
        var index = g.Node("Cast", [g.Node("ReduceMax", [green], ("keepdims", 0))], ("to", 7));
        var nothing = g.Node("Gather", [g.Constant([0f]), index]); // there is no element 1
        return g.Output(
            "output0", g.Add(g.Constant(new float[7], 1, 7, 1), nothing), ElementType.Float, 1, 7, "A").Build();
    }

    private static GraphBuilder Around(GraphBuilder g, string mask, int classes)
    {
        string Extreme(string distance) => g.Node("ReduceMax", [g.Mul(mask, distance)], ("axes", new long[] { 2, 3 }));
        var (xMin, yMin, xMax, yMax) = Extremes(g, mask, Extreme);
        var eye = new float[classes * classes];
        for (var i = 0; i < classes; i++)
        {
            eye[i * (classes + 1)] = 0.9f;
        }

        var isThere = g.Reshape(g.Node("ReduceMax", [mask], ("axes", new long[] { 2, 3 })), 0, 1, classes);
        var scores = g.Mul(isThere, g.Constant(eye, 1, classes, classes));
        return g.Output(
            "output0", Rows(g, xMin, yMin, xMax, yMax, scores, classes), ElementType.Float, "N", 4 + classes, "A");
    }

    /// <summary>Of the pixels where the mask is 1: the least column and row, and one more than the greatest.</summary>
    private static (string XMin, string YMin, string XMax, string YMax) Extremes(
        GraphBuilder g, string mask, Func<string, string> extreme)
    {
        var ones = g.Add(g.Mul(mask, g.Constant([0f])), g.Constant([1f]));
        string Ends(long axis) => g.Node("CumSum", [ones, g.Constant(Tensor.Of([axis]))]); // 1, 2, 3, ...
        string FromFar(string value) => g.Node("Sub", [g.Constant([Far]), value]);
        string Least(string ends) => FromFar(extreme(g.Add(FromFar(ends), g.Constant([1f]))));
        var (columns, rows) = (Ends(3), Ends(2));
        return (Least(columns), Least(rows), extreme(columns), extreme(rows));
    }

    private static string Rows(
        GraphBuilder g, string xMin, string yMin, string xMax, string yMax, string scores, int classes)
    {
        string Row(string value) => classes == 1 ? g.Reshape(value, 0, 1, -1) : g.Reshape(value, 0, 1, classes);
        string Middle(string min, string max) => Row(g.Mul(g.Add(min, max), g.Constant([0.5f])));
        string Length(string min, string max) => Row(g.Node("Sub", [max, min]));
        return g.Concat(1, Middle(xMin, xMax), Middle(yMin, yMax), Length(xMin, xMax), Length(yMin, yMax), scores);
    }

    private static string IsOver(GraphBuilder g, string value, float limit) =>
        g.Node("Cast", [g.Node("Greater", [value, g.Constant([limit])])], ("to", 1));
}
