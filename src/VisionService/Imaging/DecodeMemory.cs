using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SixLabors.ImageSharp.Memory;

namespace VisionService.Imaging;

/// <summary>The memory of one decoding through ImageSharp: pooled, always zeroed, and no more than the header's size
/// can explain.</summary>
/// <remarks>Zeroed, because decoders have shipped that show what earlier pictures left behind
/// (CVE-2024-32036).</remarks>
internal sealed class DecodeMemory(ImageHeader header) : MemoryAllocator
{
    // Pixels twice over at four bytes, coefficients of a progressive JPEG, and room for tables.
    private long _left = (64L << 20) + ((long)header.Width * header.Height * 24);

    public override IMemoryOwner<T> Allocate<T>(int length, AllocationOptions options = AllocationOptions.None)
    {
        var bytes = (long)length * Unsafe.SizeOf<T>();
        _left -= bytes;
        return _left >= 0 && bytes <= Array.MaxLength
            ? new Buffer<T>(length, (int)bytes)
            : throw new VisionException(VisionError.InvalidImage, "Decoding the picture takes more memory than its size explains.");
    }

    protected override int GetBufferCapacityInBytes() => 4 << 20;

    private sealed class Buffer<T>(int length, int bytes) : MemoryManager<T>
        where T : struct
    {
        private byte[]? _rented = Rent(bytes);

        public override Span<T> GetSpan() =>
            MemoryMarshal.Cast<byte, T>((_rented ?? throw new ObjectDisposedException(nameof(DecodeMemory))).AsSpan(0, bytes))[..length];

        public override unsafe MemoryHandle Pin(int elementIndex = 0)
        {
            ObjectDisposedException.ThrowIf(_rented is null, this);
            var handle = GCHandle.Alloc(_rented, GCHandleType.Pinned);
            return new MemoryHandle((byte*)handle.AddrOfPinnedObject() + (elementIndex * Unsafe.SizeOf<T>()), handle);
        }

        // The handle that Pin gave out frees itself.
        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
            if (Interlocked.Exchange(ref _rented, null) is { } rented)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }

        private static byte[] Rent(int bytes)
        {
            var rented = ArrayPool<byte>.Shared.Rent(bytes);
            rented.AsSpan(0, bytes).Clear();
            return rented;
        }
    }
}
