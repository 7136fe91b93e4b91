namespace VisionService.Imaging;

/// <summary>Where one picture lies in the network's input, and the way back: made by <see cref="InputGeometry.Place"/>.</summary>
/// <param name="Geometry">The recipe this came from.</param>
/// <param name="SourceWidth">Upright full width of the picture in pixels.</param>
/// <param name="SourceHeight">Upright full height of the picture in pixels.</param>
/// <param name="ResizedWidth">Width of the whole picture after resizing, before the crop or the padding.</param>
/// <param name="ResizedHeight">Height of the whole picture after resizing.</param>
internal readonly record struct Placement(
    InputGeometry Geometry, int SourceWidth, int SourceHeight, int ResizedWidth, int ResizedHeight)
{
    /// <summary>Column of the input where the resized picture's left edge lies; negative when it is cut off by the
    /// crop.</summary>
    public int OffsetX { get; init; }

    /// <summary>Row of the input where the resized picture's top edge lies; negative when it is cut off by the
    /// crop.</summary>
    public int OffsetY { get; init; }

    /// <summary>First column of the input that shows the picture; the padding to its left.</summary>
    public int Left => Math.Max(OffsetX, 0);

    /// <summary>First row of the input that shows the picture; the padding above it.</summary>
    public int Top => Math.Max(OffsetY, 0);

    /// <summary>Columns of the input that show the picture.</summary>
    public int VisibleWidth => Math.Min(OffsetX + ResizedWidth, Geometry.Width) - Left;

    /// <summary>Rows of the input that show the picture.</summary>
    public int VisibleHeight => Math.Min(OffsetY + ResizedHeight, Geometry.Height) - Top;

    /// <summary>Column of the resized picture where the visible part starts.</summary>
    public int CropLeft => Math.Max(-OffsetX, 0);

    /// <summary>Row of the resized picture where the visible part starts.</summary>
    public int CropTop => Math.Max(-OffsetY, 0);

    /// <summary>The same for the picture as it is once resized: what is mapped back then has the network's resolution.</summary>
    public Placement OfResized => this with { SourceWidth = ResizedWidth, SourceHeight = ResizedHeight };

    /// <summary>From the network input's x, in pixels, to the upright source's. Not clamped: padding lies outside the
    /// picture.</summary>
    public float ToSourceX(float x) => (x - OffsetX) * SourceWidth / ResizedWidth;

    /// <summary>From the network input's y, in pixels, to the upright source's. Not clamped.</summary>
    public float ToSourceY(float y) => (y - OffsetY) * SourceHeight / ResizedHeight;

    /// <summary>From the upright source's x, in pixels, to the network input's.</summary>
    public float ToInputX(float x) => (x * ResizedWidth / SourceWidth) + OffsetX;

    /// <summary>From the upright source's y, in pixels, to the network input's.</summary>
    public float ToInputY(float y) => (y * ResizedHeight / SourceHeight) + OffsetY;
}
