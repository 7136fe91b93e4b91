namespace OnnxGraph.Autodiff;

/// <content>The same elements elsewhere, or more than once.</content>
internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Shapes => new()
    {
        ["Reshape"] = ReshapeBack,
        ["Flatten"] = ReshapeBack,
        ["Squeeze"] = ReshapeBack,
        ["Unsqueeze"] = ReshapeBack,
        ["Transpose"] = Transpose,
        ["Expand"] = static at => at.GiveBroadcast(0, () => at.G),
        ["Tile"] = Tile,
        ["Concat"] = Concat,
        ["Split"] = Split,
        ["DepthToSpace"] = DepthToSpace,
        ["SpaceToDepth"] = static at =>
            at.Give(0, at.Op("DepthToSpace", [at.G], ("blocksize", at.Node.Int("blocksize")))),
        ["Trilu"] = static at =>
            at.Give(0, at.Op("Trilu", [at.G, .. at.Node.Inputs.Skip(1)], ("upper", at.Node.Int("upper", 1)))),
    };

    private static void ReshapeBack(Vjp at) => at.Give(0, at.ReshapeLike(at.G, at.X));

    private static void Transpose(Vjp at)
    {
        var permutation = at.Node.Ints("perm")?.ToList();
        var back = permutation is null
            ? at.Op("Transpose", [at.G])
            : at.Transpose(at.G, [.. permutation.Select((_, axis) => (long)permutation.IndexOf(axis))]);
        at.Give(0, back);
    }

    private static void Tile(Vjp at)
    {
        var repeats = at.Facts.Integers(at.Node.Inputs[1]);
        var sizes = at.Facts.OpenShape(at.X);
        if (sizes.Count(size => size < 0) > 1)
        {
            sizes = at.Facts.Shape(at.X);
        }

        // An axis that is repeated becomes two, the copies and the elements of each.
        var (shape, copies) = (new List<long>(), new List<long>());
        for (var axis = 0; axis < repeats.Length; axis++)
        {
            if (repeats[axis] != 1)
            {
                copies.Add(shape.Count);
                shape.Add(repeats[axis]);
            }

            shape.Add(sizes[axis]);
        }

        at.Give(0, copies.Count == 0 ? at.G : at.ReduceSum(at.Reshape(at.G, [.. shape]), [.. copies], keep: false));
    }

    private static void Concat(Vjp at)
    {
        var axis = at.Axis(at.Node.Int("axis"), at.Y);
        var start = 0L;
        for (var i = 0; i < at.Node.Inputs.Count; i++)
        {
            var end = start + at.Facts.Size(at.Node.Inputs[i], axis);
            if (at.Wants(i))
            {
                at.Give(i, at.Slice(at.G, [start], [end], [axis]));
            }

            start = end;
        }
    }

    private static void Split(Vjp at)
    {
        var parts = at.Node.Outputs.Select((output, i) => at.Gradient(i) ?? at.ZerosLike(output));
        at.Give(0, at.Op("Concat", [.. parts], ("axis", at.Node.Int("axis"))));
    }

    private static void DepthToSpace(Vjp at)
    {
        var block = at.Node.Int("blocksize");
        if (at.Node.Text("mode", "DCR") == "DCR")
        {
            at.Give(0, at.Op("SpaceToDepth", [at.G], ("blocksize", block)));
            return;
        }

        var (channels, height, width) = (at.Facts.Size(at.Y, 1), at.Facts.Size(at.X, 2), at.Facts.Size(at.X, 3));
        var blocks = at.Reshape(at.G, -1, channels, height, block, width, block);
        at.Give(0, at.ReshapeLike(at.Transpose(blocks, 0, 1, 3, 5, 2, 4), at.X));
    }
}
