namespace OnnxGraph.Autodiff;

/// <remarks>A resize is a linear map along each axis on its own. The runtime itself says which: it resizes an identity
/// matrix, once, before the first run. So every mode is right by construction.</remarks>
internal static partial class VjpRules
{
    private static readonly string[] HowToResize =
    [
        "mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "exclude_outside",
        "extrapolation_value", "antialias",
    ];

    private static Dictionary<string, VjpRule> Resizing => new()
    {
        ["Resize"] = Resize,
        ["Upsample"] = Resize,
    };

    private static void Resize(Vjp at)
    {
        at.RefuseGradientsBehindFirst();
        if (at.Node.Text("coordinate_transformation_mode") == "tf_crop_and_resize")
        {
            throw at.Refuse("it crops as well (tf_crop_and_resize)");
        }

        var rank = at.Facts.Rank(at.X);
        var scales = Scales(at, rank);
        var axes = Enumerable.Range(0, rank).Where(axis => !IsKept(at, axis, scales)).ToArray();
        if (scales is null && at.Node.Text("keep_aspect_ratio_policy", "stretch") != "stretch"
            && axes.Select(axis => Ratio(at, axis)).Distinct().Count() > 1)
        {
            throw at.Refuse("keep_aspect_ratio_policy rounds the sizes");
        }

        if (Factors(at, axes, scales) is { } factors)
        {
            var mean = at.Op("AveragePool", [at.G], ("kernel_shape", factors), ("strides", factors));
            at.Give(0, at.Mul(mean, at.Scalar(factors.Aggregate(1L, (product, factor) => product * factor))));
            return;
        }

        var gradient = at.G;
        foreach (var axis in axes.Reverse())
        {
            var matrix = ResizeMatrix(at, at.Facts.Size(at.X, axis), at.Facts.Size(at.Y, axis), scales?[axis]);
            gradient = at.Unpick(gradient, rank, axis, matrix);
        }

        at.Give(0, gradient);
    }

    /// <summary>The weight of each input element, in columns, for each output element, in rows.</summary>
    private static string ResizeMatrix(Vjp at, long from, long to, float? scale)
    {
        var identity = at.Constant($"identity {from}", () => Tensor.Of(Identity(from), 1, 1, from, from));
        string Scales() => at.Constant($"scale {scale:R}", () => Tensor.Of([1, 1, scale!.Value, 1]));
        var resized = at.Opset switch
        {
            < 9 => at.Op(
                "Upsample",
                [identity],
                ("mode", at.Node.Text("mode", "nearest")),
                ("scales", new[] { 1, 1, scale!.Value, 1 })),
            < 11 => at.Like(HowToResize, [identity, Scales()]),
            _ when scale is null => at.Like(HowToResize, [identity, at.NoRegion, at.NoRegion, at.Integers(1, 1, to, from)]),
            _ => at.Like(HowToResize, [identity, at.NoRegion, Scales()]),
        };
        return at.Reshape(resized, to, from);
    }

    /// <summary>The scale of each axis; null where the node is given sizes.</summary>
    private static float[]? Scales(Vjp at, int rank)
    {
        if (at.Node.Floats("scales") is { } listed)
        {
            return [.. listed];
        }

        var input = at.Node.OpType == "Upsample" || at.Opset < 11 ? 1 : 2;
        if (!at.Has(input) || at.Facts.Floats(at.Node.Inputs[input]) is not { Length: > 0 } scales)
        {
            return null;
        }

        if (at.Node.Ints("axes") is not { } axes)
        {
            return scales;
        }

        var all = Enumerable.Repeat(1f, rank).ToArray();
        foreach (var (axis, scale) in axes.Zip(scales))
        {
            all[axis < 0 ? axis + rank : axis] = scale;
        }

        return all;
    }

    private static bool IsKept(Vjp at, int axis, float[]? scales) => scales is not null
        ? scales[axis] == 1
        : at.Facts.IsBatchAxis(at.X, axis) || at.Facts.Size(at.X, axis) == at.Facts.Size(at.Y, axis);

    private static double Ratio(Vjp at, int axis) => at.Facts.Size(at.Y, axis) / (double)at.Facts.Size(at.X, axis);

    /// <summary>The factors by which the node repeats pixels; null where it does anything else.</summary>
    private static long[]? Factors(Vjp at, int[] axes, float[]? scales)
    {
        var rank = at.Facts.Rank(at.X);
        if (rank is < 3 or > 5 || axes.Any(axis => axis < 2) || at.Node.Text("mode", "nearest") != "nearest"
            || axes.Any(axis => Ratio(at, axis) % 1 != 0 || (scales is not null && scales[axis] != Ratio(at, axis))))
        {
            return null;
        }

        var isOld = at.Opset < 11;
        var places = at.Node.Text("coordinate_transformation_mode", isOld ? "asymmetric" : "half_pixel");
        var rounding = at.Node.Text("nearest_mode", isOld ? "floor" : "round_prefer_floor");
        var repeats = places == "asymmetric" ? rounding == "floor"
            : places is "half_pixel" or "pytorch_half_pixel" or "half_pixel_symmetric"
                && rounding is "round_prefer_floor" or "round_prefer_ceil";
        return repeats
            ? [.. Enumerable.Range(2, rank - 2).Select(axis => axes.Contains(axis) ? (long)Ratio(at, axis) : 1)]
            : null;
    }
}
