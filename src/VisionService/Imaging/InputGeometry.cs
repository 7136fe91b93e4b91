namespace VisionService.Imaging;

/// <summary>How a picture is brought to the size of a network's input.</summary>
internal enum ResizeMode
{
    /// <summary>Both sides to the target, the aspect ratio is lost.</summary>
    Stretch,

    /// <summary>The shorter side to <see cref="InputGeometry.ResizeShortest"/>, then the centre is cut out
    /// (torchvision).</summary>
    ShortestCrop,

    /// <summary>The whole picture inside the target, the rest filled with <see cref="InputGeometry.Pad"/>.</summary>
    Letterbox,

    /// <summary>The picture at its own size from the top left, shrunk only where it passes the target, and filled up to
    /// multiples of <see cref="InputGeometry.MultipleOf"/>: for networks that take any size.</summary>
    Native,

    /// <summary>Pixels as they are from the top left; what is too much is cut off, what is missing is filled.</summary>
    None,
}

/// <summary>Where a letterboxed picture lies in the input.</summary>
internal enum LetterboxAlign
{
    Center,
    TopLeft,
}

/// <summary>How a letterboxed side becomes a whole number of pixels.</summary>
internal enum LetterboxRounding
{
    /// <summary>To the nearest, ties to even (Ultralytics).</summary>
    Nearest,

    /// <summary>Down (YOLOX).</summary>
    Down,
}

/// <summary>The network's input size and the way a picture gets there. The value is the whole recipe: equal geometries
/// give equal planes.</summary>
internal sealed record InputGeometry(int Width, int Height, ResizeMode Mode)
{
    /// <summary>ShortestCrop: length of the shorter side before the crop. 0 (default): the target's shorter
    /// side.</summary>
    public int ResizeShortest { get; init; }

    /// <summary>Letterbox: the longer side's limit where <see cref="ResizeShortest"/> sets the scale (detectors of
    /// torchvision's kind say 800 and 1333). 0 (default): the scale is what fits into the target.</summary>
    public int ResizeLongest { get; init; }

    /// <summary>Letterbox and native: sides of the input are the smallest multiples of this that hold the resized
    /// picture, for networks that take any size; see <see cref="Fitted"/>. 0 (default): the target as it is.</summary>
    public int MultipleOf { get; init; }

    /// <summary>Letterbox: default the centre.</summary>
    public LetterboxAlign Align { get; init; }

    /// <summary>Letterbox: default to the nearest.</summary>
    public LetterboxRounding Rounding { get; init; }

    /// <summary>Default bilinear.</summary>
    public Interpolation Interpolation { get; init; } = Interpolation.Bilinear;

    /// <summary>Widen the filter when shrinking, as Pillow does (default); false: sample as OpenCV does.</summary>
    public bool Antialias { get; init; } = true;

    /// <summary>What fills the input where no picture is, 0-255, in all channels. Default 0; Ultralytics and YOLOX say
    /// 114.</summary>
    public byte Pad { get; init; }

    /// <summary>The size that the decoder must not fall below: what the whole picture will be resized to; twice that
    /// where the resize samples without antialiasing, since what it skips over shows in the result.</summary>
    /// <remarks>Measured on ten photos against decoding at full size: antialiased to 224-640 the planes differ by
    /// 0.3-1.6 of 255 in the mean; OpenCV's sampling by 0.6-2.1, but up to 7 without the factor of two.</remarks>
    public (int Width, int Height) NeededSize(int sourceWidth, int sourceHeight)
    {
        var placement = Place(sourceWidth, sourceHeight);
        var factor = Antialias ? 1 : 2;
        return (placement.ResizedWidth * factor, placement.ResizedHeight * factor);
    }

    /// <summary>The geometry for a picture of this size: this one, unless the network takes any size and less of it
    /// will do.</summary>
    public InputGeometry Fitted(int sourceWidth, int sourceHeight)
    {
        if (MultipleOf == 0 || Mode is not (ResizeMode.Letterbox or ResizeMode.Native))
        {
            return this;
        }

        var (width, height) = Fit(sourceWidth, sourceHeight);
        return this with { Width = RoundUp(width), Height = RoundUp(height) };
    }

    /// <summary>The whole numbers that bring an upright picture of this size into the input.</summary>
    public Placement Place(int sourceWidth, int sourceHeight)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sourceWidth);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sourceHeight);
        var (width, height) = Mode switch
        {
            ResizeMode.Stretch => (Width, Height),
            ResizeMode.ShortestCrop => Shortest(sourceWidth, sourceHeight),
            ResizeMode.Letterbox or ResizeMode.Native => Fit(sourceWidth, sourceHeight),
            _ => (sourceWidth, sourceHeight),
        };
        return new Placement(this, sourceWidth, sourceHeight, width, height)
        {
            OffsetX = Offset(Width, width),
            OffsetY = Offset(Height, height),
        };
    }

    private (int Width, int Height) Shortest(int sourceWidth, int sourceHeight)
    {
        var side = ResizeShortest > 0 ? ResizeShortest : Math.Min(Width, Height);
        return sourceWidth <= sourceHeight
            ? (side, (int)((double)side * sourceHeight / sourceWidth))
            : ((int)((double)side * sourceWidth / sourceHeight), side);
    }

    private (int Width, int Height) Fit(int sourceWidth, int sourceHeight)
    {
        if (ResizeLongest > 0)
        {
            var (shorter, longer) = (Math.Min(sourceWidth, sourceHeight), Math.Max(sourceWidth, sourceHeight));
            var byShorter = Math.Min((double)ResizeShortest / shorter, (double)ResizeLongest / longer);
            return (Side(sourceWidth * byShorter, ResizeLongest), Side(sourceHeight * byShorter, ResizeLongest));
        }

        var scale = Math.Min((double)Height / sourceHeight, (double)Width / sourceWidth);
        scale = Mode == ResizeMode.Native ? Math.Min(scale, 1) : scale;
        return (Side(sourceWidth * scale, Width), Side(sourceHeight * scale, Height));
    }

    private int RoundUp(int side) => (side + MultipleOf - 1) / MultipleOf * MultipleOf;

    private int Side(double length, int limit)
    {
        var side = Rounding == LetterboxRounding.Down ? (int)length : (int)Math.Round(length);
        return Math.Clamp(side, 1, limit); // a 1 x 5000 strip must keep a pixel
    }

    // Where the resized picture starts in the input: positive is padding, negative is crop. Math.Round takes ties to
    // even, as Python's round: the references were made there.
    private int Offset(int target, int resized) => Mode switch
    {
        ResizeMode.ShortestCrop when resized > target => -(int)Math.Round((resized - target) / 2.0),
        ResizeMode.ShortestCrop => (target - resized) / 2,
        ResizeMode.Letterbox when Align == LetterboxAlign.Center => (int)Math.Round(((target - resized) / 2.0) - 0.1),
        _ => 0,
    };
}
