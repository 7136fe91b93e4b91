namespace VisionService.Explanation;

/// <summary>The network's input for one item: [C, H, W].</summary>
internal readonly record struct PlaneShape(int Channels, int Height, int Width)
{
    /// <summary>Pixels of one plane.</summary>
    public int Area => Height * Width;

    /// <summary>Values of all planes.</summary>
    public int Length => Channels * Area;
}
