using Microsoft.ML.OnnxRuntime;
using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

/// <summary>Compares gradients with a central difference along a random direction: one inner product, in double where
/// ONNX Runtime has the kernels for it.</summary>
internal static class GradientCheck
{
    /// <param name="graph">From the inputs to be varied, <c>x0</c>, <c>x1</c>, ... to <c>y</c>, all floats.</param>
    /// <param name="data">Says what to feed.</param>
    public static DifferentiatedGraph Run(Graph graph, GradientCase data)
    {
        var inputs = graph.Inputs.Select(input => input.Name).ToArray();
        var differentiated = Gradients.Of(graph, new(["y"], inputs), Probe.With(data.Shapes));
        var feeds = new Feeds(data);
        var seed = feeds.Seed(Onnx.Run(graph, feeds.At(0, ElementType.Float))[0].Shape);
        try
        {
            Compare(Double.Of(differentiated.Graph), ElementType.Double, step: 1e-5, tolerance: 1e-6);
        }
        catch (OnnxRuntimeException)
        {
            // There is no such kernel.
            Compare(differentiated.Graph, ElementType.Float, step: 1e-3, tolerance: 2e-3);
        }

        return differentiated;

        void Compare(Graph model, ElementType type, double step, double tolerance)
        {
            double[][] RunAt(double by) =>
                [.. Onnx.Run(model, [.. feeds.At(by, type), seed.As(type)]).Select(output => output.Doubles)];

            var numeric = (Dot(RunAt(step)[0], seed.Elements) - Dot(RunAt(-step)[0], seed.Elements)) / (2 * step);
            var gradients = RunAt(0)[1..];
            var analytic = gradients.Zip(feeds.Directions, Dot).Sum();

            // What the sum would be if no terms cancelled: the scale of what rounding does to it.
            var scale = gradients.Zip(feeds.Directions, (g, d) => Math.Sqrt(Dot(g, g) * Dot(d, d) / d.Length)).Sum();
            Assert.True(
                Math.Abs(numeric - analytic) <= tolerance * Math.Max(scale, 1e-3),
                $"{data} in {type}: finite difference {numeric}, gradient {analytic}, scale {scale}");
        }
    }

    private static double Dot(double[] a, double[] b)
    {
        Assert.Equal(a.Length, b.Length);
        return a.Zip(b, (x, y) => x * y).Sum();
    }

    private sealed record Values(double[] Elements, long[] Shape)
    {
        public Onnx.Array As(ElementType type) => type == ElementType.Double
            ? Onnx.Array.Of(type, Elements, Shape)
            : Onnx.Array.Of(Array.ConvertAll(Elements, element => (float)element), Shape);
    }

    private sealed class Feeds
    {
        private readonly Random _random = new(7);
        private readonly Values[] _inputs;

        public Feeds(GradientCase data)
        {
            _inputs = [.. data.Shapes.Select(shape => new Values(Spread(Count(shape), data.Range), shape))];
            Directions = [.. data.Shapes.Select(shape => Uniform(Count(shape)))];
        }

        public double[][] Directions { get; }

        public Values Seed(long[] shape) => new(Uniform(Count(shape)), shape);

        public Onnx.Array[] At(double step, ElementType type) => [.. _inputs.Zip(Directions, (input, direction) =>
            (input with { Elements = [.. input.Elements.Zip(direction, (x, d) => x + (step * d))] }).As(type))];

        private static int Count(long[] shape) => (int)shape.Aggregate(1L, (product, size) => product * size);

        private double[] Uniform(int count) => [.. Enumerable.Range(0, count).Select(_ => (_random.NextDouble() * 2) - 1)];

        private double[] Spread(int count, (double Low, double High) range)
        {
            var even = count + (count % 2);
            double[] spread = [.. Enumerable.Range(0, count).Select(i => range.Low + ((range.High - range.Low) * (i + 0.5) / even))];
            _random.Shuffle(spread);
            return spread;
        }
    }
}
