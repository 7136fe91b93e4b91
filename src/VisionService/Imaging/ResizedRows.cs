using System.Buffers;

namespace VisionService.Imaging;

/// <summary>The rows of a resized picture, or of a rectangle of it, made one by one: nothing outside the rectangle is
/// computed.</summary>
/// <remarks>Separable, first along x and then along y, with 8 bits between the passes and Pillow's rounding: equal to
/// Pillow to the bit when antialiased. Holds rented memory: dispose after the last row.</remarks>
internal ref struct ResizedRows : IDisposable
{
    private readonly ReadOnlySpan<byte> _rows;
    private readonly int _stride;
    private readonly int _bytes;
    private readonly bool _isVertical;
    private readonly Taps _taps;
    private readonly int _firstRow;
    private readonly byte[] _row;
    private byte[]? _intermediate;

    /// <summary>Prepares rows [<paramref name="width"/>, 3] of the picture resized to <paramref name="resizedWidth"/> x
    /// <paramref name="resizedHeight"/>, from the column <paramref name="left"/> on.</summary>
    public ResizedRows(
        RgbImage image, int resizedWidth, int resizedHeight, int left, int top, int width, int height,
        Interpolation interpolation, bool antialias)
    {
        var extent = image.Extent;
        _bytes = width * 3;
        _row = ArrayPool<byte>.Shared.Rent(_bytes + Resampler.RowSlack);
        _isVertical = resizedHeight != image.Height || extent.Height != image.Height;

        // 1. Which source rows are needed at all.
        var lastRow = top + height - 1;
        _firstRow = top;
        if (_isVertical)
        {
            _taps = Taps.Create(image.Height, extent.Top, extent.Height, resizedHeight, top, height, interpolation, antialias);
            _firstRow = _taps.First[0];
            lastRow = Math.Min(_taps.First[^1] + _taps.Size, image.Height) - 1;
        }

        // 2. Those along x; a picture that is wide enough already is read where it lies.
        var source = image.Pixels[(_firstRow * image.Width * 3)..((lastRow + 1) * image.Width * 3)];
        if (resizedWidth == image.Width && extent.Width == image.Width)
        {
            _rows = source[(left * 3)..];
            _stride = image.Width * 3;
            return;
        }

        _stride = _bytes + Resampler.RowSlack;
        var rows = lastRow - _firstRow + 1;
        _intermediate = ArrayPool<byte>.Shared.Rent(rows * _stride);
        using var taps = Taps.Create(image.Width, extent.Left, extent.Width, resizedWidth, left, width, interpolation, antialias);
        Resampler.Horizontal(source, image.Width * 3, _intermediate, _stride, rows, taps);
        _rows = _intermediate.AsSpan(0, rows * _stride);
    }

    /// <summary>Row <paramref name="y"/> of the rectangle: [W, 3]. Valid until the next call.</summary>
    public readonly ReadOnlySpan<byte> this[int y]
    {
        get
        {
            if (!_isVertical)
            {
                return _rows.Slice(y * _stride, _bytes);
            }

            var size = _taps.Size;
            Resampler.Vertical(
                _rows[((_taps.First[y] - _firstRow) * _stride)..], _stride, _row, _bytes,
                _taps.Weights.Slice(y * size, size), _taps.Pairs.Slice(y * size, size));
            return _row.AsSpan(0, _bytes);
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_row);
        if (_isVertical)
        {
            _taps.Dispose();
        }

        if (_intermediate is { } intermediate)
        {
            _intermediate = null;
            ArrayPool<byte>.Shared.Return(intermediate);
        }
    }
}
