using System.Numerics;

namespace VisionService.Segmentation;

/// <summary>Walks the runs of set bits of a row; the row ends in a clear bit.</summary>
internal ref struct RowRuns(ReadOnlySpan<ulong> row)
{
    private readonly ReadOnlySpan<ulong> _row = row;
    private int _end;

    public (int Start, int End) Current { get; private set; }

    public readonly RowRuns GetEnumerator() => this;

    public bool MoveNext()
    {
        var start = Find(_end, 0);
        if (start < 0)
        {
            return false;
        }

        _end = Find(start, ulong.MaxValue);
        Current = (start, _end);
        return true;
    }

    /// <summary>The first bit from <paramref name="x"/> on that differs from those of <paramref
    /// name="skipped"/>.</summary>
    private readonly int Find(int x, ulong skipped)
    {
        var word = x >> 6;
        if (word >= _row.Length)
        {
            return -1;
        }

        var bits = (_row[word] ^ skipped) & (ulong.MaxValue << (x & 63));
        if (bits == 0)
        {
            var further = _row[(word + 1)..].IndexOfAnyExcept(skipped);
            if (further < 0)
            {
                return -1;
            }

            word += 1 + further;
            bits = _row[word] ^ skipped;
        }

        return (word * 64) + BitOperations.TrailingZeroCount(bits);
    }
}
