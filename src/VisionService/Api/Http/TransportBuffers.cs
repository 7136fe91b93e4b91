using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace VisionService.Api.Http;

/// <summary>
/// The buffers between sockets and requests, of a size for photos: Kestrel's own hold 4 KiB, so that one of 100 KB takes
/// 25 system calls to arrive. Only a connection with bytes on their way holds any.
/// </summary>
internal sealed class TransportBuffers : IMemoryPoolFactory<byte>
{
    /// <summary>Measured: 16 KiB costs a refused photo of 114 KiB half again as much as 64; 32 is what a thousand senders
    /// that dribble may hold each.</summary>
    private const int BlockSize = 32 * 1024;

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new Pool();

    /// <summary>The shared pool, asked for no less than a block.</summary>
    private sealed class Pool : MemoryPool<byte>
    {
        public override int MaxBufferSize => Shared.MaxBufferSize;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1) => Shared.Rent(Math.Max(minBufferSize, BlockSize));

        protected override void Dispose(bool disposing)
        {
        }
    }
}
