using System.Collections.Concurrent;

namespace VisionService.Repository;

/// <summary>Names are changed by one at a time, and different names side by side. A right is given back by disposal.</summary>
internal sealed class NameLocks
{
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _locks = new(StringComparer.Ordinal);

    /// <summary>The right to change a name; null where somebody has it.</summary>
    public IDisposable? TryTake(string name)
    {
        var own = LockOf(name);
        return own.Wait(0) ? new Right([own]) : null;
    }

    /// <summary>The right to change names, once all others are done with them.</summary>
    public async Task<IDisposable> TakeAsync(IEnumerable<string> names, CancellationToken cancellationToken = default)
    {
        // In one order everywhere, so that no two wait for each other.
        var taken = new List<SemaphoreSlim>();
        try
        {
            foreach (var name in names.Distinct().Order(StringComparer.Ordinal))
            {
                var own = LockOf(name);
                await own.WaitAsync(cancellationToken);
                taken.Add(own);
            }
        }
        catch (OperationCanceledException)
        {
            taken.ForEach(static own => own.Release());
            throw;
        }

        return new Right(taken);
    }

    private SemaphoreSlim LockOf(string name) => _locks.GetOrAdd(name, static _ => new SemaphoreSlim(1));

    private sealed class Right(IReadOnlyList<SemaphoreSlim> taken) : IDisposable
    {
        public void Dispose()
        {
            foreach (var own in taken)
            {
                own.Release();
            }
        }
    }
}
