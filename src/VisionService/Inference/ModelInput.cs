namespace VisionService.Inference;

/// <summary>The shape of one item, <c>[Channels, Height, Width]</c>, in bytes.</summary>
internal readonly record struct ModelInput(int Channels, int Height, int Width)
{
    /// <summary>Elements of one plane.</summary>
    public int Area => Height * Width;

    /// <summary>Elements of all planes.</summary>
    public int Length => Channels * Area;

    public override string ToString() => $"[{Channels}, {Height}, {Width}]";
}
