namespace OnnxGraph.Autodiff;

/// <content>Feature maps read between their pixels, at places that the graph computes (deformable attention).</content>
internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Sampling => new()
    {
        ["GridSample"] = GridSample,
    };

    /// <summary>A sample is the sum of four pixels times their weights: the weights bring the gradient to the pixels,
    /// the pixels bring it to the place.</summary>
    private static void GridSample(Vjp at)
    {
        var (mode, padding) = (at.Node.Text("mode", "bilinear"), at.Node.Text("padding_mode", "zeros"));
        if (mode is not ("bilinear" or "linear") || padding is not ("zeros" or "border") || at.Facts.Rank(at.X) != 4)
        {
            throw at.Refuse($"only bilinear samples with zeros or the border around the picture are, not {mode}, {padding}");
        }

        // From here on [N, C, samples], or [N, 1, samples] where channels are alike.
        var gradient = at.Reshape(at.G, 0, 0, -1);
        var pixels = at.Reshape(at.X, 0, 0, -1);
        var (across, down) = (Positions(at, 0, 3), Positions(at, 1, 2));
        var (indices, updates) = (new List<string>(), new List<string>());
        var (byAcross, byDown) = (new List<string>(), new List<string>());
        foreach (var y in down.Sides(at))
        {
            foreach (var x in across.Sides(at))
            {
                var flat = at.Add(at.Mul(y.Pixel, at.Scalar(across.Size)), x.Pixel);
                var place = at.Op("Cast", [flat], ("to", (long)ElementType.Int64));
                var index = at.Op("Expand", [place, at.Op("Shape", [gradient])]);
                var seen = at.Mul(gradient, at.Mul(y.IsInside, x.IsInside));
                indices.Add(index);
                updates.Add(at.Mul(seen, at.Mul(y.Weight, x.Weight)));
                if (at.Wants(1))
                {
                    var pull = at.ReduceSum(at.Mul(seen, at.Op("GatherElements", [pixels, index], ("axis", 2))), [1]);
                    byAcross.Add(at.Mul(pull, at.Mul(y.Weight, x.Slope)));
                    byDown.Add(at.Mul(pull, at.Mul(x.Weight, y.Slope)));
                }
            }
        }

        if (at.Wants(0))
        {
            var zeros = at.Reshape(at.ZerosLike(at.X), 0, 0, -1);
            var sum = at.Op(
                "ScatterElements",
                [zeros, at.Op("Concat", [.. indices], ("axis", 2)), at.Op("Concat", [.. updates], ("axis", 2))],
                ("axis", 2),
                ("reduction", "add"));
            at.Give(0, at.ReshapeLike(sum, at.X));
        }

        if (at.Wants(1))
        {
            var both = at.Op("Concat", [at.Op("Sum", [.. byAcross]), at.Op("Sum", [.. byDown])], ("axis", 1));
            at.Give(1, at.ReshapeLike(at.Transpose(both, 0, 2, 1), at.Node.Inputs[1]));
        }
    }

    /// <summary>The grid's coordinates along one axis, -1 to 1, as pixels.</summary>
    private static SampledAxis Positions(Vjp at, int coordinate, int axis)
    {
        var size = at.Facts.Size(at.X, axis);
        var centre = (size - 1) / 2.0;
        var pixelsPerUnit = at.Node.Int("align_corners") != 0 ? centre : size / 2.0;
        var grid = at.Reshape(at.Slice(at.Node.Inputs[1], [coordinate], [coordinate + 1], [3]), 0, 1, -1);
        var position = at.Add(at.Mul(grid, at.Scalar(pixelsPerUnit)), at.Scalar(centre));
        var slope = at.Scalar(pixelsPerUnit);
        if (at.Node.Text("padding_mode", "zeros") == "border")
        {
            var (first, last) = (at.Scalar(0), at.Scalar(size - 1));
            slope = at.Mul(slope, at.Mul(at.Greater(position, first), at.Greater(last, position)));
            position = Within(at, position, size);
        }

        return new(position, slope, size);
    }

    private static string Within(Vjp at, string position, long size) =>
        at.Op("Min", [at.Op("Max", [position, at.Scalar(0)]), at.Scalar(size - 1)]);

    /// <param name="Slope">Pixels for a unit of the grid; 0 where the border holds the position fast.</param>
    private sealed record SampledAxis(string Position, string Slope, long Size)
    {
        /// <summary>The pixels before and behind each position, and how their weights change with the grid.</summary>
        public (string Pixel, string IsInside, string Weight, string Slope)[] Sides(Vjp at)
        {
            var before = at.Op("Floor", [Position]);
            var behind = at.Add(before, at.Scalar(1));
            var share = at.Sub(Position, before);
            return
            [
                (Within(at, before, Size), IsInside(at, before), at.Sub(at.Scalar(1), share), at.Neg(Slope)),
                (Within(at, behind, Size), IsInside(at, behind), share, Slope),
            ];
        }

        private string IsInside(Vjp at, string pixel) =>
            at.Mul(at.GreaterOrEqual(pixel, at.Scalar(0)), at.GreaterOrEqual(at.Scalar(Size - 1), pixel));
    }
}
