using System.Buffers;
using VisionService.Imaging;

namespace VisionService.Api;

/// <summary>One image as a caller sent it: a file, or bare pixels. Whoever holds it disposes of it.</summary>
internal abstract class SentImage : IDisposable
{
    /// <summary>What it takes of memory, bytes.</summary>
    public abstract int Length { get; }

    /// <param name="geometry">How the network will see it, so that large files need not be decoded whole; null: whole.</param>
    /// <returns>The upright picture; the caller disposes of it.</returns>
    /// <exception cref="VisionException">A limit is passed, or it is no picture.</exception>
    public abstract RgbImage Decode(ImageDecoder decoder, InputGeometry? geometry);

    public abstract void Dispose();
}

/// <summary>Bare pixels, in memory of the caller's.</summary>
internal sealed class BareImage(ReadOnlyMemory<byte> pixels, RawPixels layout) : SentImage
{
    public override int Length => pixels.Length;

    public override RgbImage Decode(ImageDecoder decoder, InputGeometry? geometry) => decoder.Take(pixels.Span, layout);

    public override void Dispose()
    {
        // The memory is the caller's.
    }
}

/// <summary>The bytes of one image file as they came, in pooled memory that goes back on disposal or in the
/// caller's.</summary>
internal sealed class EncodedImage : SentImage
{
    public const string MaxBytesName = $"Imaging:{nameof(ImagingOptions.MaxBytes)}";

    // A stream of unknown length is collected in blocks of at most these many bytes: the pool keeps an array of each size for each
    // thread, so a large one is rented only once it is known to be needed. Bodies that never end would leave gigabytes behind.
    private const int LargestBlock = 1 << 20;

    private ReadOnlyMemory<byte>? _bytes;
    private byte[]? _rented;

    /// <param name="rented">From the shared pool.</param>
    public EncodedImage(byte[] rented, int length) => (_rented, _bytes) = (rented, rented.AsMemory(0, length));

    /// <param name="bytes">Stays the caller's, who leaves it alone until disposal.</param>
    /// <param name="limit">Most bytes to take.</param>
    /// <exception cref="VisionException">There are more bytes than the limit.</exception>
    public EncodedImage(ReadOnlyMemory<byte> bytes, int limit, string limitName) =>
        _bytes = bytes.Length <= limit ? bytes : throw TooLarge($"{bytes.Length}", limit, limitName);

    public override int Length => _bytes?.Length ?? 0;

    public ReadOnlyMemory<byte> Bytes => _bytes ?? throw new ObjectDisposedException(nameof(EncodedImage));

    /// <summary>Reads a stream to its end into pooled memory.</summary>
    /// <param name="expected">How long the stream says it is, or null.</param>
    /// <param name="limit">Most bytes to take.</param>
    /// <param name="limitName">The option that sets the limit, for the message.</param>
    /// <exception cref="VisionException">The stream holds more than the limit.</exception>
    public static async Task<EncodedImage> ReadAsync(
        Stream stream, long? expected, int limit, string limitName, CancellationToken cancellationToken)
    {
        if (expected > limit)
        {
            throw TooLarge($"{expected}", limit, limitName);
        }

        // One byte more than expected, so that a stream that keeps its word ends without another block.
        var blocks = new List<byte[]> { ArrayPool<byte>.Shared.Rent((int)Math.Min((expected ?? 65_535) + 1, limit + 1L)) };
        var (length, filled) = (0, 0); // in all, and of the last block
        try
        {
            int read;
            while ((read = await stream.ReadAsync(blocks[^1].AsMemory(filled), cancellationToken).ConfigureAwait(false)) > 0)
            {
                if (read > limit - length)
                {
                    throw TooLarge($"more than {limit}", limit, limitName);
                }

                length += read;
                filled += read;
                if (filled == blocks[^1].Length)
                {
                    blocks.Add(ArrayPool<byte>.Shared.Rent(Math.Min(length, LargestBlock)));
                    filled = 0;
                }
            }

            var bytes = blocks.Count == 1 ? blocks[0] : Join(blocks, length);
            blocks.Remove(bytes); // its owner returns it
            return new EncodedImage(bytes, length);
        }
        finally
        {
            blocks.ForEach(static block => ArrayPool<byte>.Shared.Return(block));
        }
    }

    public override RgbImage Decode(ImageDecoder decoder, InputGeometry? geometry) => decoder.Decode(
        Bytes.Span, geometry is null ? null : source => geometry.NeededSize(source.Width, source.Height));

    public override void Dispose()
    {
        _bytes = null;
        if (Interlocked.Exchange(ref _rented, null) is { } buffer)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static byte[] Join(List<byte[]> blocks, int length)
    {
        var joined = ArrayPool<byte>.Shared.Rent(length);
        var left = joined.AsSpan(0, length);
        foreach (var block in blocks)
        {
            var taken = block.AsSpan(0, Math.Min(block.Length, left.Length));
            taken.CopyTo(left);
            left = left[taken.Length..];
        }

        return joined;
    }

    private static VisionException TooLarge(string bytes, int limit, string limitName) =>
        new(VisionError.TooLarge, $"The upload has {bytes} bytes; {limitName} allows {limit}.");
}
