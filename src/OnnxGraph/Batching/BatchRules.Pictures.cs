namespace OnnxGraph.Batching;

internal static partial class BatchRules
{
    private static Fact? Convolve(Node node, Fact?[] inputs, int weights)
    {
        if (!OnlyFirst(inputs) || inputs.ElementAtOrDefault(weights)?.Shape is not { Length: > 2 } kernel
            || kernel.Length != inputs[0]!.Rank)
        {
            return null;
        }

        var shape = inputs[0]!.Shape!;
        return inputs[0]!.WithShape([shape[0], kernel[0], .. Windows(node, shape, kernel[2..])]);
    }

    private static Fact? Pool(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        // The second output counts through the whole batch.
        return OnlyFirst(inputs) && node.Outputs.Count == 1
            && node.Ints("kernel_shape") is { } kernel && kernel.Count == inputs[0]!.Rank - 2
            ? inputs[0]!.WithShape([.. inputs[0]!.Shape![..2], .. Windows(node, inputs[0]!.Shape!, kernel)])
            : null;
    }

    /// <summary>How many windows fit along each axis of the picture.</summary>
    private static IEnumerable<long> Windows(Node node, long[] shape, IReadOnlyList<long> kernel)
    {
        var (rank, autoPad) = (kernel.Count, node.Text("auto_pad", "NOTSET"));
        for (var i = 0; i < rank; i++)
        {
            var (size, stride) = (shape[i + 2], node.Ints("strides")?[i] ?? 1);
            var reach = ((node.Ints("dilations")?[i] ?? 1) * (kernel[i] - 1)) + 1;
            var padding = autoPad == "NOTSET" && node.Ints("pads") is { } pads ? pads[i] + pads[i + rank] : 0;
            var slack = size + padding - reach;
            yield return size < 0 || kernel[i] < 0 || (node.Int("ceil_mode") != 0 && slack % stride != 0) ? Fact.Unknown
                : autoPad is "SAME_UPPER" or "SAME_LOWER" ? (size + stride - 1) / stride
                : (slack / stride) + 1;
        }
    }

    private static Fact? ConvTranspose(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        if (!OnlyFirst(inputs) || inputs[1]?.Shape is not { Length: > 2 } kernel || kernel.Length != inputs[0]!.Rank)
        {
            return null;
        }

        // The picture's size is left open where the file would let the runtime choose the padding.
        var shape = inputs[0]!.Shape!;
        var isExplicit = node.Text("auto_pad", "NOTSET") == "NOTSET" && !node.Has("output_shape");
        long Size(int i) => isExplicit && shape[i + 2] > 0
            ? ((shape[i + 2] - 1) * (node.Ints("strides")?[i] ?? 1)) + (node.Ints("output_padding")?[i] ?? 0)
                + ((node.Ints("dilations")?[i] ?? 1) * (kernel[i + 2] - 1)) + 1
                - (node.Ints("pads") is { } pads ? pads[i] + pads[i + kernel.Length - 2] : 0)
            : Fact.Unknown;
        return inputs[0]!.WithShape(
            [shape[0], kernel[1] * node.Int("group", 1), .. Enumerable.Range(0, kernel.Length - 2).Select(Size)]);
    }

    private static Fact? GlobalPool(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        return OnlyFirst(inputs) && inputs[0]!.Rank > 2
            ? inputs[0]!.WithShape([.. inputs[0]!.Shape![..2], .. Enumerable.Repeat(1L, inputs[0]!.Rank - 2)])
            : null;
    }

    private static Fact? Resize(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        var opset = analysis.Graph.OpsetVersion;
        if (!OnlyFirst(inputs) || node.Has("axes") || node.Text("coordinate_transformation_mode") == "tf_crop_and_resize")
        {
            return null;
        }

        var value = inputs[0]!;
        if (node.Inputs.ElementAtOrDefault(3) is { Length: > 0 })
        {
            if (inputs[3]?.Numbers is not { } sizes || sizes.Length != value.Rank
                || node.Text("keep_aspect_ratio_policy", "stretch") != "stretch")
            {
                return null;
            }

            if (value.IsBatched && sizes[0] == 1 && !sizes.Contains(Fact.Unknown))
            {
                analysis.RetargetResize(node, sizes);
            }
            else if (value.IsBatched && sizes[0] != Fact.BatchSize)
            {
                return null;
            }

            return value.WithShape([value.Shape![0], .. sizes[1..]]);
        }

        var name = opset < 9 ? "" : node.Inputs.ElementAtOrDefault(opset < 11 || node.OpType == "Upsample" ? 1 : 2) ?? "";
        var scales = opset < 9 ? node.Floats("scales") : analysis.Graph.Constant(name)?.ToFloats();
        return scales is null || scales.Count != value.Rank || (value.IsBatched && scales[0] != 1)
            ? null
            : value.WithShape(
                [.. value.Shape!.Zip(scales, (size, scale) => size < 0 ? Fact.Unknown : (long)Math.Floor(size * scale))]);
    }

    private static Fact? DepthToSpace(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        var block = node.Int("blocksize", 1);
        return OnlyFirst(inputs) && inputs[0]!.Shape is [var n, var c, var h, var w]
            ? inputs[0]!.WithShape(n, c < 0 ? c : c / (block * block), Fact.Product([h, block]), Fact.Product([w, block]))
            : null;
    }

    private static Fact? SpaceToDepth(Node node, Fact?[] inputs, BatchAnalysis analysis)
    {
        var block = node.Int("blocksize", 1);
        return OnlyFirst(inputs) && inputs[0]!.Shape is [var n, var c, var h, var w]
            ? inputs[0]!.WithShape(n, Fact.Product([c, block * block]), h < 0 ? h : h / block, w < 0 ? w : w / block)
            : null;
    }
}
