using OnnxGraph;

namespace VisionService.Tests.Explanation;

/// <summary>Networks of 32 x 32 pixels, 0-1, whose heat maps can be worked out by hand.</summary>
internal static class TinyNets
{
    public const int Side = 32;

    /// <summary>
    /// Three classes, one per colour: 8 x 8 cells of 4 x 4 pixels, averaged; logit c = 8 x the mean of channel c over all
    /// cells. So the class activation map of c is 8 times channel c, cell by cell.
    /// </summary>
    /// <param name="backgrounds">Further classes in front, whose logit is always 0.</param>
    /// <param name="early">An operator in front of the cells.</param>
    /// <param name="late">An operator behind the average.</param>
    public static Graph Linear(
        Dimension? batch = null,
        ElementType type = ElementType.Float,
        bool interleaved = false,
        int channels = 3,
        int backgrounds = 0,
        string? early = null,
        string? late = null,
        bool softmax = false,
        Dimension? side = null)
    {
        var g = new GraphBuilder(opset: 13);
        var (n, s) = (batch ?? "N", side ?? Side);
        var x = interleaved
            ? g.Transpose(g.Input("pixels", type, n, s, s, channels), 0, 3, 1, 2)
            : g.Input("pixels", type, n, channels, s, s);
        if (type == ElementType.UInt8)
        {
            x = g.Mul(g.Node("Cast", [x], ("to", 1)), g.Constant([1 / 255f]));
        }

        var half = type == ElementType.Float16;
        x = early is null ? x : g.Node(early, [x]);
        var (kernel, classes) = (new float[3 * channels], 3 + backgrounds);
        for (var c = 0; c < 3; c++)
        {
            kernel[(c * channels) + Math.Min(c, channels - 1)] = c < channels ? 1 : 0;
        }

        var sides = new long[] { 4, 4 };
        x = g.Node("AveragePool", [x], ("kernel_shape", sides), ("strides", sides));
        x = g.Name(g.Relu(g.Conv(x, Weights(g, half, kernel, 3, channels, 1, 1))), "cells");
        var mix = new float[classes * 3];
        for (var c = 0; c < 3; c++)
        {
            mix[((backgrounds + c) * 3) + c] = 8;
        }

        x = g.GlobalAveragePool(x);
        x = late is null ? x : g.Node(late, [x]);
        x = g.Gemm(g.Flatten(x), Weights(g, half, mix, classes, 3), Weights(g, half, new float[classes], classes));
        return g.Output("scores", softmax ? g.Softmax(x) : x, half ? ElementType.Float16 : ElementType.Float).Build();
    }

    /// <summary>Two convolutions with a ReLU each, then a fully connected layer: class c sums channel c over the 8 x 8
    /// cells, each of which counts 1.</summary>
    public static Graph TwoConvolutions()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, "N", 3, Side, Side);
        float[] same = [1, 0, 0, 0, 1, 0, 0, 0, 1];
        x = g.Relu(g.Conv(x, g.Constant(same, 3, 3, 1, 1)));
        var sides = new long[] { 4, 4 };
        x = g.Node("AveragePool", [x], ("kernel_shape", sides), ("strides", sides));
        x = g.Name(g.Relu(g.Conv(x, g.Constant(same, 3, 3, 1, 1))), "cells");
        var weights = new float[3 * 192];
        for (var i = 0; i < 192; i++)
        {
            weights[(i / 64 * 192) + i] = 1;
        }

        return g.Output("scores", g.Gemm(g.Flatten(x), g.Constant(weights, 3, 192), g.Constant(new float[3]))).Build();
    }

    /// <summary>No layer lies over the picture: each class sums a channel of the pixels.</summary>
    public static Graph Flat()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Flatten(g.Input("pixels", ElementType.Float, "N", 3, 4, 4));
        var weights = new float[3 * 48];
        for (var i = 0; i < 48; i++)
        {
            weights[(i / 16 * 48) + i] = 1;
        }

        return g.Output("scores", g.Gemm(x, g.Constant(weights, 3, 48), g.Constant(new float[3]))).Build();
    }

    /// <summary>As <see cref="Linear"/>, quantised at its end like exporters do: scores from 0 to 2 in steps of 2/255,
    /// which a bright picture's exceed.</summary>
    public static Graph Clipped()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, "N", 3, Side, Side);
        var sides = new long[] { 4, 4 };
        x = g.Name(g.Relu(g.Node("AveragePool", [x], ("kernel_shape", sides), ("strides", sides))), "cells");
        x = g.Gemm(g.Flatten(g.GlobalAveragePool(x)), g.Constant([8f, 0, 0, 0, 8, 0, 0, 0, 8], 3, 3), g.Constant(new float[3]));
        var (scale, zero) = (g.Constant(Tensor.Of([2 / 255f], [])), g.Constant(Tensor.Of([(byte)0], [])));
        x = g.Node("DequantizeLinear", [g.Node("QuantizeLinear", [x, scale, zero]), scale, zero]);
        return g.Output("scores", x).Build();
    }

    private static string Weights(GraphBuilder g, bool half, float[] values, params long[] shape) =>
        half ? g.Constant(Array.ConvertAll(values, value => (Half)value), shape) : g.Constant(values, shape);
}
