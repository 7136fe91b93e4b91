using System.Buffers;

namespace VisionService.Imaging;

/// <summary>An upright picture: interleaved RGB bytes [H, W, 3] in pooled memory.</summary>
/// <remarks>Whoever holds it disposes of it; the pixels are gone afterwards, and disposing again is harmless. Not
/// thread-safe for writing.</remarks>
internal sealed class RgbImage : IDisposable
{
    private byte[]? _buffer;

    /// <summary>Rents room for a picture. The pixels hold whatever the pool left there.</summary>
    public RgbImage(int width, int height)
        : this(width, height, width, height)
    {
    }

    /// <summary>Rents room for a picture held smaller than its source.</summary>
    /// <param name="width">Width of the pixels held.</param>
    /// <param name="height">Height of the pixels held.</param>
    /// <param name="sourceWidth">Upright full width of the encoded picture.</param>
    /// <param name="sourceHeight">Upright full height of the encoded picture.</param>
    public RgbImage(int width, int height, int sourceWidth, int sourceHeight)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        _buffer = ArrayPool<byte>.Shared.Rent(checked(width * height * 3));
        (Width, Height, SourceWidth, SourceHeight) = (width, height, sourceWidth, sourceHeight);
        Extent = new PixelBox(0, 0, width, height);
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>Upright full width of the encoded picture in pixels; answers speak in these. Larger than <see cref="Width"/>
    /// when a JPEG was decoded at 1/2, 1/4 or 1/8.</summary>
    public int SourceWidth { get; }

    /// <summary>Upright full height of the encoded picture in pixels.</summary>
    public int SourceHeight { get; }

    /// <summary>The part of the pixels held that the source covers. All of it, except that a JPEG decoded at 1/8 may
    /// end in the middle of its last column: 1001 source columns cover 125.125 of the 126 held.</summary>
    public PixelBox Extent { get; init; }

    /// <summary>The pixels [H, W, 3], row after row without gaps, R G B, 0-255.</summary>
    /// <exception cref="ObjectDisposedException">The picture was disposed of.</exception>
    public Span<byte> Pixels
    {
        get
        {
            ObjectDisposedException.ThrowIf(_buffer is null, this);
            return _buffer.AsSpan(0, Width * Height * 3);
        }
    }

    /// <summary>Row <paramref name="y"/>: [W, 3].</summary>
    public Span<byte> Row(int y) => Pixels.Slice(y * Width * 3, Width * 3);

    /// <summary>A copy of a part of the pixels held; the caller disposes of it.</summary>
    public RgbImage Cut(int left, int top, int width, int height)
    {
        var part = new RgbImage(width, height);
        for (var y = 0; y < height; y++)
        {
            Row(top + y).Slice(left * 3, width * 3).CopyTo(part.Row(y));
        }

        return part;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

/// <summary>A rectangle of pixels with fractional edges.</summary>
internal readonly record struct PixelBox(double Left, double Top, double Width, double Height);
