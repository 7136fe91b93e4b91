namespace OnnxGraph.Autodiff;

internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Normalizations => new()
    {
        ["BatchNormalization"] = BatchNormalization,
        ["InstanceNormalization"] = InstanceNormalization,
        ["LayerNormalization"] = LayerNormalization,
        ["GroupNormalization"] = GroupNormalization,
        ["MeanVarianceNormalization"] = MeanVarianceNormalization,
        ["LpNormalization"] = LpNormalization,
        ["LRN"] = LocalResponseNormalization,
    };

    private static void BatchNormalization(Vjp at)
    {
        if (at.Node.Int("training_mode") != 0 || at.Node.Int("spatial", 1) == 0)
        {
            throw at.Refuse("only its inference form over channels is covered (training_mode 0, spatial 1)");
        }

        at.RefuseGradientsBehindFirst();
        var deviation = at.Op("Sqrt", [at.Add(at.Node.Inputs[4], at.Scalar(at.Node.Float("epsilon", 1e-5f)))]);
        at.Give(0, at.Mul(at.G, PerChannel(at, at.Div(at.Node.Inputs[1], deviation))));
    }

    private static void InstanceNormalization(Vjp at)
    {
        var (standard, inverse) = Standardize(at, at.X, at.Axes(from: 2), Epsilon(at));
        long[] others = [0, .. at.Axes(from: 2)];
        if (at.Wants(0))
        {
            var gradient = at.Mul(at.G, PerChannel(at, at.Node.Inputs[1]));
            at.Give(0, StandardizeBack(at, gradient, standard, inverse, at.Axes(from: 2)));
        }

        if (at.Wants(1))
        {
            at.Give(1, at.ReduceSum(at.Mul(at.G, standard), others, keep: false));
        }

        if (at.Wants(2))
        {
            at.Give(2, at.ReduceSum(at.G, others, keep: false));
        }
    }

    private static void LayerNormalization(Vjp at)
    {
        if (at.Gradient(1) is not null || at.Gradient(2) is not null)
        {
            throw at.Refuse("its mean or deviation is used as an output");
        }

        var first = at.Node.Int("axis", -1);
        var axes = at.Axes(from: (int)(first < 0 ? first + at.Facts.Rank(at.X) : first));
        var (standard, inverse) = Standardize(at, at.X, axes, Epsilon(at));
        if (at.Wants(0))
        {
            at.Give(0, StandardizeBack(at, at.Mul(at.G, at.Node.Inputs[1]), standard, inverse, axes));
        }

        at.GiveBroadcast(1, () => at.Mul(at.G, standard));
        at.GiveBroadcast(2, () => at.G);
    }

    private static void GroupNormalization(Vjp at)
    {
        at.RefuseGradientsBehindFirst();
        var groups = at.Node.Int("num_groups");

        // The scale is one for each group up to opset 20, one for each channel from then on.
        var gradient = at.Opset < 21
            ? at.Mul(at.Reshape(at.G, 0, groups, -1), at.Reshape(at.Node.Inputs[1], -1, 1))
            : at.Reshape(at.Mul(at.G, PerChannel(at, at.Node.Inputs[1])), 0, groups, -1);
        var (standard, inverse) = Standardize(at, at.Reshape(at.X, 0, groups, -1), [2], Epsilon(at));
        at.Give(0, at.ReshapeLike(StandardizeBack(at, gradient, standard, inverse, [2]), at.X));
    }

    private static void MeanVarianceNormalization(Vjp at)
    {
        var rank = at.Facts.Rank(at.X);
        long[] axes = [.. (at.Node.Ints("axes") ?? [0, 2, 3]).Select(axis => axis < 0 ? axis + rank : axis)];
        var (standard, inverse) = Standardize(at, at.X, axes, 0);
        at.Give(0, StandardizeBack(at, at.G, standard, inverse, axes));
    }

    private static void LpNormalization(Vjp at)
    {
        var axis = at.Node.Int("axis", -1);
        long[] axes = [axis < 0 ? axis + at.Facts.Rank(at.X) : axis];
        var along = at.ReduceSum(at.Mul(at.G, at.Y), axes);
        at.Give(0, at.Node.Int("p", 2) == 1
            ? at.Div(at.Sub(at.G, at.Mul(at.Sign(at.X), along)), at.ReduceSum(at.Op("Abs", [at.X]), axes))
            : at.Div(at.Sub(at.G, at.Mul(at.Y, along)), at.Op("Sqrt", [at.ReduceSum(at.Mul(at.X, at.X), axes)])));
    }

    /// <remarks>Krizhevsky 2012: y = x / s^beta, s the squares of neighbouring channels, summed by a 1 x 1 convolution
    /// with a band matrix.</remarks>
    private static void LocalResponseNormalization(Vjp at)
    {
        var (size, beta) = (at.Node.Int("size"), at.Node.Float("beta", 0.75f));
        var alpha = at.Node.Float("alpha", 0.0001f) / size;
        var channels = at.Facts.Size(at.X, 1);
        var kernel = at.Axes(from: 2).Select(_ => 1L);

        // One window before, another behind where the size is even: so the way back has them the other way round.
        string Band(long before, long behind) => at.Constant($"band {channels} {before} {behind}", () => Tensor.Of(
            [.. Enumerable.Range(0, (int)(channels * channels)).Select(i =>
                (i % channels) - (i / channels) is var distance && distance >= -before && distance <= behind ? 1f : 0f)],
            [channels, channels, .. kernel]));
        var (low, high) = ((size - 1) / 2, size / 2);
        var squares = at.Op("Conv", [at.Mul(at.X, at.X), Band(low, high)]);
        var sum = at.Add(at.Scalar(at.Node.Float("bias", 1)), at.Mul(squares, at.Scalar(alpha)));
        var direct = at.Mul(at.G, at.Op("Pow", [sum, at.Scalar(-beta)]));
        var shared = at.Op("Conv", [at.Mul(at.G, at.Div(at.Y, sum)), Band(high, low)]);
        at.Give(0, at.Sub(direct, at.Mul(at.X, at.Mul(shared, at.Scalar(2 * alpha * beta)))));
    }

    private static double Epsilon(Vjp at) => at.Node.Float("epsilon", 1e-5f);

    /// <summary>One number for each channel of the node's input <c>[N, C, ...]</c>, so that it broadcasts.</summary>
    private static string PerChannel(Vjp at, string value) =>
        at.Facts.Rank(at.X) == 2 ? value : at.Reshape(value, [-1, .. at.Axes(from: 2).Select(_ => 1L)]);

    /// <summary>A value less its mean, over its standard deviation; and one over the latter.</summary>
    private static (string Standard, string Inverse) Standardize(Vjp at, string value, long[] axes, double epsilon)
    {
        var centred = at.Sub(value, at.ReduceMean(value, axes));
        var variance = at.ReduceMean(at.Mul(centred, centred), axes);
        var inverse = at.Op("Reciprocal", [at.Op("Sqrt", [at.Add(variance, at.Scalar(epsilon))])]);
        return (at.Mul(centred, inverse), inverse);
    }

    private static string StandardizeBack(Vjp at, string gradient, string standard, string inverse, long[] axes)
    {
        var along = at.Mul(standard, at.ReduceMean(at.Mul(gradient, standard), axes));
        return at.Mul(inverse, at.Sub(at.Sub(gradient, at.ReduceMean(gradient, axes)), along));
    }
}
