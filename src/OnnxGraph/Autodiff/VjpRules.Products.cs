namespace OnnxGraph.Autodiff;

/// <content>Products of matrices.</content>
internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Products => new()
    {
        ["MatMul"] = MatMul,
        ["Gemm"] = Gemm,
        ["Einsum"] = Einsum,
    };

    private static void MatMul(Vjp at)
    {
        var (a, b) = (at.X, at.Node.Inputs[1]);
        var (rankA, rankB, rank) = (at.Facts.Rank(a), at.Facts.Rank(b), at.Facts.Rank(at.Y));
        var gradient = at.G;

        // A vector is a matrix of one row on the left, of one column on the right.
        if (rankA == 1)
        {
            rank++;
            a = at.Unsqueeze(a, 0);
            gradient = at.Unsqueeze(gradient, rankB == 1 ? 0 : rank - 2);
        }

        if (rankB == 1)
        {
            rank++;
            b = at.Unsqueeze(b, 1);
            gradient = at.Unsqueeze(gradient, rank - 1);
        }

        if (at.Wants(0))
        {
            at.Give(0, SumOverBatch(at, at.MatMul(gradient, at.TransposeMatrices(b, Math.Max(rankB, 2))), at.X));
        }

        if (at.Wants(1))
        {
            var product = at.MatMul(at.TransposeMatrices(a, Math.Max(rankA, 2)), gradient);
            at.Give(1, SumOverBatch(at, product, at.Node.Inputs[1]));
        }
    }

    /// <summary>Sums over the batch axes, those before the last two, along which an operand was broadcast.</summary>
    private static string SumOverBatch(Vjp at, string gradient, string operand)
    {
        var (y, own) = (at.Facts.OpenShape(at.Y), at.Facts.OpenShape(operand));
        var vectors = at.Node.Inputs.Count(input => at.Facts.Rank(input) == 1);
        var batchAxes = y.Length + vectors - 2;
        var missing = batchAxes - Math.Max(own.Length - 2, 0);
        var axes = Enumerable.Range(0, batchAxes)
            .Where(axis => axis < missing || (own[axis - missing] == 1 && y[axis] != 1))
            .Select(axis => (long)axis)
            .ToArray();
        var sum = axes.Length == 0 ? gradient : at.ReduceSum(gradient, axes);
        return missing == 0 && own.Length >= 2 ? sum : at.ReshapeLike(sum, operand);
    }

    private static void Gemm(Vjp at)
    {
        var (a, b) = (at.X, at.Node.Inputs[1]);
        var (transA, transB) = (at.Node.Int("transA") != 0, at.Node.Int("transB") != 0);
        if (at.Wants(0))
        {
            at.Give(0, transA ? Product(b, at.G, transB, true) : Product(at.G, b, false, !transB));
        }

        if (at.Wants(1))
        {
            at.Give(1, transB ? Product(at.G, a, true, transA) : Product(a, at.G, !transA, false));
        }

        var beta = at.Node.Float("beta", 1);
        at.GiveBroadcast(2, () => beta == 1 ? at.G : at.Mul(at.G, at.Scalar(beta)));

        string Product(string left, string right, bool transLeft, bool transRight) => at.Op(
            "Gemm",
            at.Opset < 11 ? [left, right, at.Scalar(0)] : [left, right],
            ("alpha", at.Node.Float("alpha", 1)),
            ("transA", transLeft),
            ("transB", transRight));
    }

    /// <summary>In the equation, a term and the output change places.</summary>
    private static void Einsum(Vjp at)
    {
        var equation = at.Node.Text("equation").Replace(" ", "", StringComparison.Ordinal).Split("->");
        var terms = equation[0].Split(',');
        var output = equation.Length > 1 ? equation[1] : ImplicitOutput(equation[0]);
        if (terms.Append(output).Any(term => term.Contains('.') || term.Distinct().Count() != term.Length))
        {
            throw at.Refuse("an equation with an ellipsis or a letter twice in one term is not supported");
        }

        RefuseBroadcast(at, terms);
        for (var i = 0; i < terms.Length; i++)
        {
            if (at.Wants(i))
            {
                var others = Enumerable.Range(0, terms.Length).Where(other => other != i).ToArray();
                string[] read = [output, .. others.Select(other => terms[other])];
                var kept = string.Concat(terms[i].Where(letter => read.Any(term => term.Contains(letter))));
                var gradient = at.Op(
                    "Einsum",
                    [at.G, .. others.Select(other => at.Node.Inputs[other])],
                    ("equation", $"{string.Join(',', read)}->{kept}"));

                // An index that is in no other term was summed: its elements get the same gradient.
                var summed = Enumerable.Range(0, terms[i].Length).Where(axis => !kept.Contains(terms[i][axis]))
                    .Select(axis => (long)axis)
                    .ToArray();
                at.Give(
                    i,
                    summed.Length == 0 ? gradient : at.ExpandLike(at.Unsqueeze(gradient, summed), at.Node.Inputs[i]));
            }
        }
    }

    private static void RefuseBroadcast(Vjp at, string[] terms)
    {
        var sizes = terms
            .SelectMany((term, i) => term.Zip(at.Facts.OpenShape(at.Node.Inputs[i])))
            .GroupBy(axis => axis.First, axis => axis.Second);
        if (sizes.Any(letter => letter.Distinct().Count() > 1))
        {
            throw at.Refuse("an index has size 1 in one term and another size in the next");
        }
    }

    private static string ImplicitOutput(string terms) => string.Concat(
        terms.Where(char.IsLetter).CountBy(letter => letter)
            .Where(count => count.Value == 1)
            .Select(count => count.Key)
            .Order());
}
