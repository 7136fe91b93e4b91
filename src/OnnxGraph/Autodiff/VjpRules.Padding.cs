namespace OnnxGraph.Autodiff;

/// <content>Pads: what was copied to the border brings its gradient back to where it came from.</content>
internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Padding => new()
    {
        ["Pad"] = static at =>
        {
            if (at.Wants(2))
            {
                throw at.Refuse("the padding value itself depends on what is differentiated");
            }

            var amounts = PadAmounts(at);
            at.Give(0, at.Node.Text("mode", "constant") switch
            {
                "constant" => at.Pad(at.G, [.. amounts.Select(amount => -amount)]),
                "reflect" => Unpad(at, amounts, static (index, size) => Reflect(index, size)),
                "edge" => Unpad(at, amounts, static (index, size) => Math.Clamp(index, 0, size - 1)),
                "wrap" => Unpad(at, amounts, static (index, size) => ((index % size) + size) % size),
                var mode => throw at.Refuse($"the mode '{mode}' is not supported"),
            });
        },
    };

    /// <summary>Amounts before each axis, then behind each.</summary>
    private static long[] PadAmounts(Vjp at)
    {
        var amounts = at.Has(1) ? at.Facts.Integers(at.Node.Inputs[1]) : [.. at.Node.Ints("pads") ?? []];
        if (!at.Has(3))
        {
            return amounts;
        }

        var rank = at.Facts.Rank(at.X);
        var axes = at.Axes(at.Facts.Integers(at.Node.Inputs[3]), at.X);
        var all = new long[2 * rank];
        for (var i = 0; i < axes.Length; i++)
        {
            all[axes[i]] = amounts[i];
            all[rank + axes[i]] = amounts[axes.Length + i];
        }

        return all;
    }

    private static string Unpad(Vjp at, long[] amounts, Func<long, long, long> source)
    {
        var rank = amounts.Length / 2;
        var gradient = at.G;
        for (var axis = 0; axis < rank; axis++)
        {
            var (before, after) = (amounts[axis], amounts[rank + axis]);
            if (before != 0 || after != 0)
            {
                var size = at.Facts.Size(at.X, axis);
                var picked = new long[before + size + after];
                for (var i = 0; i < picked.Length; i++)
                {
                    picked[i] = source(i - before, size);
                }

                gradient = at.Unpick(gradient, rank, axis, picked, size);
            }
        }

        return gradient;
    }

    /// <summary>Mirrored at the border elements, which are not repeated.</summary>
    private static long Reflect(long index, long size)
    {
        var period = Math.Max(2 * (size - 1), 1);
        var within = ((index % period) + period) % period;
        return Math.Min(within, period - within);
    }
}
