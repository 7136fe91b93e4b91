namespace VisionService.Imaging;

/// <summary>From encoded bytes to upright RGB: limits first, then pixels. Thread-safe; one for the process.</summary>
/// <param name="options">The limits and the background.</param>
internal sealed class ImageDecoder(ImagingOptions options)
{
    private readonly TurboJpeg? _turbo = TurboJpeg.Load(options.UseTurbo);
    private readonly Background _background = Background.Parse(options.Background);

    /// <summary>Whether JPEGs go through libturbojpeg.</summary>
    public bool HasTurbo => _turbo is not null;

    /// <summary>Decodes a JPEG, PNG, WebP, BMP or GIF (the first frame of moving ones).</summary>
    /// <param name="encoded">The file.</param>
    /// <param name="needed">From the upright source size to the size the whole picture will be resized to
    /// (<see cref="InputGeometry.NeededSize"/>): a larger JPEG is then decoded at 1/2, 1/4 or 1/8. Null: full
    /// size.</param>
    /// <returns>The upright picture; the caller disposes of it.</returns>
    /// <exception cref="VisionException">TooLarge: a limit of <see cref="ImagingOptions"/> is passed. InvalidImage:
    /// everything else that is wrong with the file, in words for whoever sent it.</exception>
    public RgbImage Decode(ReadOnlySpan<byte> encoded, Func<(int Width, int Height), (int Width, int Height)>? needed = null)
    {
        if (encoded.Length > options.MaxBytes)
        {
            throw TooLarge($"has {encoded.Length} bytes", nameof(options.MaxBytes), options.MaxBytes);
        }

        var header = ImageHeader.Read(encoded);
        CheckSize(header.Width, header.Height);
        if (header.Lack is { } lack)
        {
            throw ImageHeader.Broken(header.Format, lack);
        }

        var stored = header.Format switch
        {
            ImageFormat.Jpeg when _turbo is not null => _turbo.Decode(encoded, header, Denominator(header, needed)),
            ImageFormat.Gif => GifDecoder.Decode(encoded, header, _background),
            ImageFormat.WebP when header.IsAnimated => FirstFrame(encoded, header),
            _ => SharpDecoder.Decode(encoded, header, _background),
        };
        return Orientation.Upright(stored, header.Orientation);
    }

    /// <summary>Takes pixels that nobody encoded, within the limits on sides and pixels; those on bytes are of files.</summary>
    /// <returns>The picture; the caller disposes of it.</returns>
    /// <exception cref="VisionException">TooLarge: a limit of <see cref="ImagingOptions"/> is passed. InvalidImage: the bytes
    /// cannot be that picture.</exception>
    public RgbImage Take(ReadOnlySpan<byte> pixels, RawPixels layout)
    {
        CheckSize(layout.Width, layout.Height);
        if (layout.Lack(pixels.Length) is { } lack)
        {
            throw new VisionException(VisionError.InvalidImage, $"The pixels are no picture: {lack}.");
        }

        var image = new RgbImage(layout.Width, layout.Height);
        layout.CopyTo(image, pixels, _background);
        return image;
    }

    private RgbImage FirstFrame(ReadOnlySpan<byte> encoded, ImageHeader canvas)
    {
        var still = WebPFrame.First(encoded, out var left, out var top);
        var header = ImageHeader.Read(still);
        if (left + header.Width > canvas.Width || top + header.Height > canvas.Height)
        {
            throw ImageHeader.Broken(ImageFormat.WebP, "its frame does not fit its canvas");
        }

        using var frame = SharpDecoder.Decode(still, header, _background);
        var image = new RgbImage(canvas.Width, canvas.Height);
        _background.Fill(image.Pixels);
        for (var y = 0; y < frame.Height; y++)
        {
            frame.Row(y).CopyTo(image.Row(top + y)[(left * 3)..]);
        }

        return image;
    }

    // Scaled decoding keeps at least as many pixels as the resize needs, so that it only ever shrinks.
    private static int Denominator(ImageHeader header, Func<(int Width, int Height), (int Width, int Height)>? needed)
    {
        if (needed is null)
        {
            return 1;
        }

        var isTurned = Orientation.Transposes(header.Orientation);
        var (width, height) = isTurned ? (header.Height, header.Width) : (header.Width, header.Height);
        var (neededWidth, neededHeight) = needed((width, height));
        var denominator = 8;
        while (denominator > 1 && (width < neededWidth * denominator || height < neededHeight * denominator))
        {
            denominator /= 2;
        }

        return denominator;
    }

    private void CheckSize(int width, int height)
    {
        if (Math.Max(width, height) > options.MaxSide)
        {
            throw TooLarge($"is {width} x {height} pixels", nameof(options.MaxSide), options.MaxSide);
        }

        if ((long)width * height > options.MaxPixels)
        {
            throw TooLarge(
                $"has {(long)width * height} pixels ({width} x {height})", nameof(options.MaxPixels), options.MaxPixels);
        }
    }

    private static VisionException TooLarge(string what, string limit, int value) =>
        new(VisionError.TooLarge, $"The picture {what}; Imaging:{limit} allows {value}.");
}
