namespace OnnxGraph.Tests.Autodiff;

/// <summary>The cases of <see cref="GradientCheckTests"/>: each operator of the rule table, in each form that its rule
/// tells apart.</summary>
internal static partial class GradientCases
{
    public static IReadOnlyList<GradientCase> All =>
    [
        .. Convolutions(),
        .. Pooling(),
        .. Resizing(),
        .. Normalizations(),
        .. Activations(),
        .. Functions(),
        .. Arithmetic(),
        .. Products(),
        .. Reductions(),
        .. Shapes(),
        .. Padding(),
        .. Indexing(),
        .. Sampling(),
    ];

    /// <summary>A constant of floats between -1 and 1.</summary>
    public static string Weights(this GraphBuilder g, params long[] shape)
    {
        var random = new Random((int)shape.Sum());
        var count = (int)shape.Aggregate(1L, (product, size) => product * size);
        return g.Constant([.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)], shape);
    }
}
