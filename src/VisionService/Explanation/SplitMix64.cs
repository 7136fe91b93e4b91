namespace VisionService.Explanation;

/// <summary>Random numbers that are the same on every machine and in every release.</summary>
/// <remarks>Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. Not for
/// secrets.</remarks>
internal struct SplitMix64
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong _state;

    /// <param name="seed">What the caller asked for.</param>
    /// <param name="stream">Numbers of different streams have nothing to do with each other: one for each mask.</param>
    public SplitMix64(ulong seed, int stream)
    {
        _state = Mix(Mix(seed + Golden) + ((ulong)(uint)stream * Golden));
    }

    public ulong Next() => Mix(_state += Golden);

    /// <summary>0 to below 1, in steps of 2^-53.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>0 to below <paramref name="limit"/>.</summary>
    public int NextInt(int limit) => (int)Math.BigMul(Next(), (ulong)limit, out _);

    /// <summary>Normally distributed, mean 0, deviation 1.</summary>
    /// <remarks>Twelve uniform numbers added: never beyond 6, and without a logarithm, of which the last bit differs
    /// from machine to machine.</remarks>
    public float NextNormal()
    {
        var sum = 0;
        for (var draw = 0; draw < 3; draw++)
        {
            var bits = Next();
            sum += (int)(bits & 0xFFFF) + (int)(bits >> 16 & 0xFFFF) + (int)(bits >> 32 & 0xFFFF) + (int)(bits >> 48);
        }

        return (sum - (12 * 65535 / 2)) / 65536f;
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
