using OnnxGraph;

namespace VisionService.Tests.Segmentation;

/// <summary>Segmentation models whose masks can be drawn by hand; all take 0-1 (<c>preset: unit</c>).</summary>
internal static class SegmentationModels
{
    public const int Width = 40;
    public const int Height = 32;

    /// <summary>Class 0, 1 and 2 score what the red, green and blue channel hold; all further classes -1.</summary>
    /// <param name="stride">Input pixels to a cell, whose scores are their mean.</param>
    /// <param name="first">The class that stands for red, green and blue being the next.</param>
    public static Graph Colors(
        int stride = 1, int classes = 3, bool interleaved = false, int first = 0, bool declared = true,
        bool dynamic = false)
    {
        var g = new GraphBuilder(opset: 13);
        var scores = Scores(g, stride, classes, interleaved, first, dynamic);
        var (height, width) = (Height / stride, Width / stride);
        if (!declared)
        {
            return g.Output("scores", interleaved ? g.Transpose(scores, 0, 2, 3, 1) : scores).Build();
        }

        return (interleaved, dynamic) switch
        {
            (_, true) => g.Output("scores", scores, ElementType.Float, "n", "c", "h", "w").Build(),
            (true, _) => g.Output(
                "scores", g.Transpose(scores, 0, 2, 3, 1), ElementType.Float, 1, height, width, classes).Build(),
            _ => g.Output("scores", scores, ElementType.Float, 1, classes, height, width).Build(),
        };
    }

    /// <summary>The best class of each cell, chosen in the graph: int64, [1, h, w] or [1, 1, h, w].</summary>
    public static Graph Indices(int stride = 1, bool keepAxis = false, int first = 0)
    {
        var g = new GraphBuilder(opset: 13);
        var scores = Scores(g, stride, first + 3, interleaved: false, first, dynamic: false);
        var best = g.Node("ArgMax", [scores], ("axis", 1), ("keepdims", keepAxis ? 1 : 0));
        var (height, width) = (Height / stride, Width / stride);
        return keepAxis
            ? g.Output("classes", best, ElementType.Int64, 1, 1, height, width).Build()
            : g.Output("classes", best, ElementType.Int64, 1, height, width).Build();
    }

    /// <summary>How red it is: sigmoid(8 x (red - 1/2)), so .98 for red and .02 for what has none.</summary>
    public static Graph Redness()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, 1, 3, Height, Width);
        var logits = g.Conv(x, g.Constant([8f, 0, 0], 1, 3, 1, 1), g.Constant([-4f]));
        return g.Output("alpha", g.Sigmoid(logits), ElementType.Float, 1, 1, Height, Width).Build();
    }

    /// <summary>
    /// YOLO's two outputs for 64 x 64 pixels, whatever the picture. Class 0: a box of 24 x 24 around (20, 20), .9,
    /// all of it
    /// mask; the same one pixel to the right, .8. Class 1: 16 x 20 around (48, 44), .6, the half right of x = 48
    /// mask; and
    /// 8 x 8 around (10, 54), .3, without any pixel.
    /// </summary>
    public static Graph Yolo()
    {
        const int Rows = 4 + 2 + 32, Anchors = 64 + 16 + 4;
        var (rows, prototypes) = (new float[Rows * Anchors], new float[32 * 16 * 16]);
        float[][] objects =
        [
            [20, 20, 24, 24, .9f, 0, 5, 0],
            [21, 20, 24, 24, .8f, 0, 5, 0],
            [48, 44, 16, 20, 0, .6f, 0, 5],
            [10, 54, 8, 8, 0, .3f, 0, 0],
        ];
        for (var i = 0; i < objects.Length; i++)
        {
            for (var row = 0; row < objects[i].Length; row++)
            {
                rows[(row * Anchors) + i] = objects[i][row];
            }
        }

        for (var cell = 0; cell < 256; cell++)
        {
            prototypes[cell] = 1;
            prototypes[256 + cell] = (cell % 16) - 11.5f; // 0 at (11.5 + .5) x 4 = 48 pixels
        }

        var g = new GraphBuilder(opset: 13);
        var x = g.Input("images", ElementType.Float, 1, 3, 64, 64);
        var zero = g.Mul(g.Node("ReduceMean", [x], ("keepdims", 0)), g.Constant([0f]));
        return g
            .Output("output0", g.Add(g.Constant(rows, 1, Rows, Anchors), zero), ElementType.Float, 1, Rows, Anchors)
            .Output("output1", g.Add(g.Constant(prototypes, 1, 32, 16, 16), zero), ElementType.Float, 1, 32, 16, 16)
            .Build();
    }

    /// <summary>The textbook encoder-decoder: strided convolutions down, transposed ones up, softmax over 3
    /// classes.</summary>
    public static Graph EncoderDecoder(int side = 200)
    {
        var (g, seed) = (new GraphBuilder(opset: 13), 1);
        string Weights(params long[] shape) => g.Constant(Noise(seed++, shape), shape);
        string Down(string x, int from, int to) => g.Relu(g.Node(
            "Conv", [x, Weights(to, from, 3, 3), Weights(to)], ("pads", Ones), ("strides", new long[] { 2, 2 })));
        string Up(string x, int from, int to) => g.Relu(g.Node(
            "ConvTranspose",
            [x, Weights(from, to, 3, 3), Weights(to)],
            ("pads", Ones),
            ("strides", new long[] { 2, 2 }),
            ("output_padding", new long[] { 1, 1 })));

        var x = Down(Down(Down(g.Input("image", ElementType.Float, 1, 3, side, side), 3, 8), 8, 16), 16, 16);
        x = Up(Up(Up(x, 16, 16), 16, 8), 8, 8);
        x = g.Conv(x, Weights(3, 8, 3, 3), Weights(3), padding: 1);
        return g.Output("mask", g.Softmax(x), ElementType.Float, 1, 3, side, side).Build();
    }

    /// <summary>A fully convolutional net: scores at stride 8, enlarged, added to those of strides 4 and 2
    /// (FCN-8s).</summary>
    public static Graph SkipConnections(int classes = 5, int side = 96)
    {
        var (g, seed) = (new GraphBuilder(opset: 13), 7);
        string Weights(params long[] shape) => g.Constant(Noise(seed++, shape), shape);
        string Stage(string x, int from, int to) =>
            g.MaxPool(g.Relu(g.Conv(x, Weights(to, from, 3, 3), Weights(to), padding: 1)));
        string Score(string x, int from) => g.Conv(x, Weights(classes, from, 1, 1), Weights(classes));

        var half = Stage(g.Input("image", ElementType.Float, 1, 3, side, side), 3, 8);
        var quarter = Stage(half, 8, 12);
        var eighth = Stage(quarter, 12, 16);
        var sum = g.Add(g.Resize(Score(eighth, 16), 2), Score(quarter, 12));
        sum = g.Add(g.Resize(sum, 2), Score(half, 8));
        return g.Output("scores", sum, ElementType.Float, 1, classes, side / 2, side / 2).Build();
    }

    private static long[] Ones => [1, 1, 1, 1];

    private static string Scores(
        GraphBuilder g, int stride, int classes, bool interleaved, int first, bool dynamic)
    {
        var x = dynamic ? g.Input("pixels", ElementType.Float, 1, 3, "height", "width")
            : interleaved ? g.Transpose(g.Input("pixels", ElementType.Float, 1, Height, Width, 3), 0, 3, 1, 2)
            : g.Input("pixels", ElementType.Float, 1, 3, Height, Width);
        var sides = new long[] { stride, stride };
        var cells = stride == 1 ? x : g.Node("AveragePool", [x], ("kernel_shape", sides), ("strides", sides));
        var (weights, biases) = (new float[classes * 3], new float[classes]);
        Array.Fill(biases, -1);
        for (var color = 0; color < 3 && first + color < classes; color++)
        {
            weights[((first + color) * 3) + color] = 1;
            biases[first + color] = 0;
        }

        return g.Conv(cells, g.Constant(weights, classes, 3, 1, 1), g.Constant(biases));
    }

    private static float[] Noise(int seed, long[] shape)
    {
        var length = shape.Aggregate(1L, static (product, side) => product * side);
        var inputs = shape.Length == 1 ? 1000 : (double)length / shape[0];
#pragma warning disable CA5394 // the same weights each time is the point
        var random = new Random(seed);
        var scale = 6 / Math.Sqrt(inputs);
        return [.. Enumerable.Range(0, (int)length).Select(_ => (float)((random.NextDouble() - .5) * scale))];
#pragma warning restore CA5394
    }
}
