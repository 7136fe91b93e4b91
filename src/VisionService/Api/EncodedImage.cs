using System.Buffers;

namespace VisionService.Api;

/// <summary>The bytes of one image file as they came, in pooled memory that goes back on disposal.</summary>
internal sealed class EncodedImage(byte[] rented, int length) : IDisposable
{
    private byte[]? _rented = rented;

    public ReadOnlyMemory<byte> Bytes => (_rented ?? throw new ObjectDisposedException(nameof(EncodedImage))).AsMemory(0, length);

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

        // One byte more than expected, so that a stream that keeps its word ends without growing the buffer.
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min((expected ?? 65_535) + 1, limit + 1L));
        var length = 0;
        try
        {
            int read;
            while ((read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false)) > 0)
            {
                length += read;
                if (length > limit)
                {
                    throw TooLarge($"more than {limit}", limit, limitName);
                }

                if (length == buffer.Length)
                {
                    var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(buffer.Length * 2L, limit + 1L));
                    buffer.AsSpan(0, length).CopyTo(larger);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }
            }

            return new EncodedImage(buffer, length);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _rented, null) is { } buffer)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static VisionException TooLarge(string bytes, int limit, string limitName) =>
        new(VisionError.TooLarge, $"The upload has {bytes} bytes; {limitName} allows {limit}.");
}
