namespace VisionService.Inference;

/// <summary>The shape of one item, <c>[Channels, Height, Width]</c>, in bytes.</summary>
internal readonly record struct ModelInput(int Channels, int Height, int Width)
{
    public int Length => Channels * Height * Width;

    public override string ToString() => $"[{Channels}, {Height}, {Width}]";
}
