namespace VisionService.Inference;

/// <summary>A graph input or output as the file declares it.</summary>
/// <param name="Shape">With the batch axis; -1 where the file leaves a size open; null where not even the rank is
/// said.</param>
internal sealed record GraphTensor(string Name, Datatype Type, IReadOnlyList<long>? Shape)
{
    /// <summary>Whether the first axis may have any size, as that of a batch that the file leaves open.</summary>
    public bool HasOpenFirstAxis => Shape is [-1, ..];

    /// <summary>Whether a tensor of this shape may be fed.</summary>
    public bool Takes(ReadOnlySpan<long> shape)
    {
        if (Shape is null)
        {
            return true;
        }

        if (Shape.Count != shape.Length)
        {
            return false;
        }

        for (var i = 0; i < shape.Length; i++)
        {
            if (Shape[i] >= 0 && Shape[i] != shape[i])
            {
                return false;
            }
        }

        return true;
    }

    public override string ToString() => $"{Name}: {Type}{(Shape is null ? "" : $" [{string.Join(", ", Shape)}]")}";
}
