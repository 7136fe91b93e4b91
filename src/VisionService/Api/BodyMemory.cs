using Microsoft.Extensions.Options;

namespace VisionService.Api;

/// <summary>
/// How many bytes of bodies the service holds at once, over all requests: from when they come until they are answered. Each
/// request has a limit of its own; many large ones together would still take all memory, before a model's queue sees them.
/// </summary>
internal sealed class BodyMemory(IOptions<ApiOptions> options)
{
    private readonly long _most = options.Value.MaxHeldBytes > 0
        ? options.Value.MaxHeldBytes
        : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    private long _held;

    /// <summary>A request's part, given back on disposal.</summary>
    public Part Open() => new(this);

    internal sealed class Part(BodyMemory memory) : IDisposable
    {
        private long _own;

        /// <summary>Counts bytes that have come.</summary>
        /// <exception cref="VisionException">There are too many of them; a lone request is never told so.</exception>
        public void Add(long bytes)
        {
            _own += bytes;
            var held = Interlocked.Add(ref memory._held, bytes);
            if (held > memory._most && held > _own)
            {
                throw new VisionException(
                    VisionError.Overloaded,
                    $"Requests of {held} bytes are being received; Api:{nameof(ApiOptions.MaxHeldBytes)} allows {memory._most} at once.")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                };
            }
        }

        public void Dispose()
        {
            Interlocked.Add(ref memory._held, -_own);
            _own = 0;
        }
    }
}
