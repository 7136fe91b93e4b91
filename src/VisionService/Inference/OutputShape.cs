namespace VisionService.Inference;

/// <summary>An output as the file declares it, or as a run gave it for one item.</summary>
/// <param name="Shape">With the batch axis; negative where it varies.</param>
/// <param name="IsFloat">Whether it holds floating-point numbers of any width.</param>
internal sealed record OutputShape(string Name, IReadOnlyList<long> Shape, bool IsFloat = true)
{
    public int Rank => Shape.Count;

    public override string ToString() => $"{Name} [{string.Join(", ", Shape)}]";
}
