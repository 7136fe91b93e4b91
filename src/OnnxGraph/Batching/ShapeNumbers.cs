namespace OnnxGraph.Batching;

/// <summary>Follows the small integer tensors from which exporters build shapes: Shape, Gather, Concat and so
/// on.</summary>
internal static class ShapeNumbers
{
    /// <summary>The numbers that a node computes; null where it is no computation of shapes that is
    /// understood.</summary>
    public static Fact? TryFollow(Node node, Fact?[] inputs)
    {
        if (node.Domain != "" || inputs.Length == 0 || inputs[0] is not { } first)
        {
            return null;
        }

        if (node.OpType == "Shape" && first.Shape is not null)
        {
            return ShapeOf(node, first);
        }

        if (inputs.Any(input => input?.Numbers is null))
        {
            return null;
        }

        var numbers = first.Numbers!;
        return node.OpType switch
        {
            "Identity" or "Cast" => first,
            "Unsqueeze" or "Squeeze" when numbers.Length == 1 => Reshaped(node, first),
            "Concat" when inputs.All(input => input!.Rank == 1) =>
                Fact.OfNumbers([.. inputs.SelectMany(input => input!.Numbers!)]),
            "Gather" when first.Rank == 1 => Gather(numbers, inputs[1]!),
            "Slice" when first.Rank == 1 => Slice(node, inputs),
            "Add" => Combine(first, inputs[1]!, (a, b) => a + b),
            "Sub" => Combine(first, inputs[1]!, (a, b) => a - b),
            "Mul" => Combine(first, inputs[1]!, (a, b) => a * b),
            "Div" when !inputs[1]!.Numbers!.Contains(0) => Combine(first, inputs[1]!, (a, b) => a / b),
            _ => null,
        };
    }

    private static Fact ShapeOf(Node node, Fact value)
    {
        var dimensions = value.IsBatched ? [Fact.BatchSize, .. value.Shape![1..]] : value.Shape!;
        var start = Position(node.Int("start"), dimensions.Length);
        var end = Position(node.Int("end", long.MaxValue), dimensions.Length);
        return Fact.OfNumbers(dimensions[start..Math.Max(start, end)]);
    }

    private static Fact? Reshaped(Node node, Fact one)
    {
        var rank = one.Rank + (node.OpType == "Squeeze" ? -1 : 1);
        return rank is 0 or 1 ? new(false, rank == 0 ? [] : [1], one.Numbers) : null;
    }

    private static Fact? Gather(long[] numbers, Fact indices)
    {
        var places = indices.Numbers!.Select(index => index < 0 ? index + numbers.Length : index).ToArray();
        return indices.Rank <= 1 && places.All(place => place >= 0 && place < numbers.Length)
            ? new(false, indices.Shape, Array.ConvertAll(places, place => numbers[place]))
            : null;
    }

    private static Fact? Slice(Node node, Fact?[] inputs)
    {
        var numbers = inputs[0]!.Numbers!;
        var starts = node.Ints("starts") ?? inputs.ElementAtOrDefault(1)?.Numbers;
        var ends = node.Ints("ends") ?? inputs.ElementAtOrDefault(2)?.Numbers;
        var step = inputs.ElementAtOrDefault(4)?.Numbers?[0] ?? 1;
        if (starts is not { Count: 1 } || ends is not { Count: 1 } || step != 1)
        {
            return null;
        }

        var (start, end) = (Position(starts[0], numbers.Length), Position(ends[0], numbers.Length));
        return Fact.OfNumbers(numbers[start..Math.Max(start, end)]);
    }

    private static Fact? Combine(Fact a, Fact b, Func<long, long, long> operation)
    {
        if (a.HoldsBatchSize || b.HoldsBatchSize || a.Shape is null || !a.Shape.SequenceEqual(b.Shape ?? [-1]))
        {
            return null;
        }

        long Apply(long x, long y) => x == Fact.Unknown || y == Fact.Unknown ? Fact.Unknown : operation(x, y);
        var numbers = a.Numbers!.Zip(b.Numbers!, Apply).ToArray();

        // A number that happens to look like a mark is given up rather than mistaken.
        return numbers.Any(number => number is Fact.BatchSize) ? null : a with { Numbers = numbers };
    }

    private static int Position(long index, int length) =>
        (int)Math.Clamp(index < 0 ? index + length : index, 0, length);
}
