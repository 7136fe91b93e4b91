using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VisionService.Imaging;

/// <summary>The two passes of a separable resize on RGB bytes: integer arithmetic throughout, so that vector and scalar
/// code agree to the bit.</summary>
internal static class Resampler
{
    /// <summary>Bytes that every row handed to the passes as target must have beyond its pixels: vectors are stored
    /// whole.</summary>
    public const int RowSlack = 16;

    private const int Half = 1 << (Taps.Precision - 1);

    // Two neighbouring pixels r g b R G B to 16-bit pairs r R, g G, b B, in each half of the vector.
    private static readonly Vector256<byte> PairChannels = Vector256.Create(
        (byte)0, 0xFF, 3, 0xFF, 1, 0xFF, 4, 0xFF, 2, 0xFF, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0, 0xFF, 3, 0xFF, 1, 0xFF, 4, 0xFF, 2, 0xFF, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF);

    /// <summary>Resizes <paramref name="rows"/> rows along x.</summary>
    /// <param name="source">Rows [W, 3] of <paramref name="sourceStride"/> bytes each.</param>
    /// <param name="sourceStride">Bytes from row to row.</param>
    /// <param name="target">Rows of as many pixels as there are taps.</param>
    /// <param name="targetStride">Bytes from row to row, <see cref="RowSlack"/> more than the pixels.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="taps">Taps along x.</param>
    /// <param name="vectorize">False only to compare.</param>
    public static void Horizontal(
        ReadOnlySpan<byte> source, int sourceStride, Span<byte> target, int targetStride, int rows, in Taps taps, bool vectorize = true)
    {
        var row = 0;
        if (vectorize && Avx2.IsSupported)
        {
            for (; row + 2 <= rows; row += 2)
            {
                HorizontalTwoRows(source[(row * sourceStride)..], sourceStride, target[(row * targetStride)..], targetStride, taps);
            }
        }

        for (; row < rows; row++)
        {
            HorizontalScalar(source.Slice(row * sourceStride, sourceStride), target[(row * targetStride)..], taps, 0);
        }
    }

    /// <summary>Mixes rows along y into one row of <paramref name="bytes"/> bytes.</summary>
    /// <param name="source">The first row of the taps and those after it.</param>
    /// <param name="stride">Bytes from row to row.</param>
    /// <param name="target"><paramref name="bytes"/> and <see cref="RowSlack"/> more.</param>
    /// <param name="bytes">Bytes of one row.</param>
    /// <param name="weights">One weight for each row.</param>
    /// <param name="pairs">The same as packed pairs, see <see cref="Taps.Pairs"/>.</param>
    /// <param name="vectorize">False only to compare.</param>
    public static void Vertical(
        ReadOnlySpan<byte> source, int stride, Span<byte> target, int bytes, ReadOnlySpan<int> weights, ReadOnlySpan<int> pairs,
        bool vectorize = true)
    {
        // The surplus taps weigh zero and may lie below the last row: they are cut off here, in whole pairs.
        while (weights.Length > 2 && weights[^1] == 0 && weights[^2] == 0)
        {
            weights = weights[..^2];
            pairs = pairs[..^2];
        }

        var x = 0;
        if (vectorize && Avx2.IsSupported)
        {
            for (; x + 16 <= bytes; x += 16)
            {
                Vertical16(source, stride, x, pairs, weights[^1] == 0).CopyTo(target[x..]);
            }
        }

        for (; x < bytes; x++)
        {
            var sum = Half;
            for (var t = 0; t < weights.Length; t++)
            {
                sum += weights[t] == 0 ? 0 : source[(t * stride) + x] * weights[t];
            }

            target[x] = Clip(sum);
        }
    }

    private static void HorizontalScalar(ReadOnlySpan<byte> source, Span<byte> target, in Taps taps, int from)
    {
        var size = taps.Size;
        var first = taps.First;
        var weights = taps.Weights;
        for (var x = from; x < first.Length; x++)
        {
            var (r, g, b) = (Half, Half, Half);
            var offset = first[x] * 3;
            foreach (var weight in weights.Slice(x * size, size))
            {
                if (weight != 0)
                {
                    r += source[offset] * weight;
                    g += source[offset + 1] * weight;
                    b += source[offset + 2] * weight;
                }

                offset += 3;
            }

            target[x * 3] = Clip(r);
            target[(x * 3) + 1] = Clip(g);
            target[(x * 3) + 2] = Clip(b);
        }
    }

    // One row in each half of the vector; two taps a step.
    private static void HorizontalTwoRows(ReadOnlySpan<byte> source, int sourceStride, Span<byte> target, int targetStride, in Taps taps)
    {
        var size = taps.Size;
        var first = taps.First;
        var pairs = taps.Pairs;
        var limit = source.Length - sourceStride - 8; // the last place from which the second row can be read eight bytes at a time
        var x = 0;
        for (; x < first.Length && (first[x] + size - 2) * 3 <= limit; x++)
        {
            ref var upper = ref Unsafe.Add(ref MemoryMarshal.GetReference(source), first[x] * 3);
            ref var lower = ref Unsafe.Add(ref upper, sourceStride);
            ref var pair = ref Unsafe.Add(ref MemoryMarshal.GetReference(pairs), x * size);
            var high = Vector256<int>.Zero;
            var low = Vector256<int>.Zero;
            for (var t = 0; t < size; t += 2)
            {
                var pixels = Vector256.Create(
                    Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref upper, t * 3))),
                    Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref lower, t * 3)))).AsByte();
                var channels = Avx2.Shuffle(pixels, PairChannels).AsInt16();
                high += Avx2.MultiplyAddAdjacent(channels, Vector256.Create(Unsafe.Add(ref pair, t)).AsInt16());
                low += Avx2.MultiplyAddAdjacent(channels, Vector256.Create(Unsafe.Add(ref pair, t + 1)).AsInt16());
            }

            var mixed = Mix(high, low);
            var shorts = Avx2.PackSignedSaturate(mixed, mixed);
            var packed = Avx2.PackUnsignedSaturate(shorts, shorts).AsUInt32();
            // Four bytes for three: the next pixel, or the slack, takes the fourth.
            MemoryMarshal.Write(target[(x * 3)..], packed[0]);
            MemoryMarshal.Write(target[(targetStride + (x * 3))..], packed[4]);
        }

        HorizontalScalar(source[..sourceStride], target, taps, x);
        HorizontalScalar(source.Slice(sourceStride, sourceStride), target[targetStride..], taps, x);
    }

    private static Vector128<byte> Vertical16(ReadOnlySpan<byte> source, int stride, int x, ReadOnlySpan<int> pairs, bool lastIsZero)
    {
        var (highA, lowA, highB, lowB) = (Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero);
        for (var t = 0; t < pairs.Length; t += 2)
        {
            var upper = Vector128.Create(source.Slice((t * stride) + x, 16));
            // The last of an odd number of rows has no neighbour to read; its partner weighs zero.
            var lower = lastIsZero && t + 2 == pairs.Length ? upper : Vector128.Create(source.Slice(((t + 1) * stride) + x, 16));
            var a = Avx2.ConvertToVector256Int16(Sse2.UnpackLow(upper, lower));
            var b = Avx2.ConvertToVector256Int16(Sse2.UnpackHigh(upper, lower));
            var (high, low) = (Vector256.Create(pairs[t]).AsInt16(), Vector256.Create(pairs[t + 1]).AsInt16());
            highA += Avx2.MultiplyAddAdjacent(a, high);
            lowA += Avx2.MultiplyAddAdjacent(a, low);
            highB += Avx2.MultiplyAddAdjacent(b, high);
            lowB += Avx2.MultiplyAddAdjacent(b, low);
        }

        var (mixedA, mixedB) = (Mix(highA, lowA), Mix(highB, lowB));
        return Sse2.PackUnsignedSaturate(
            Sse2.PackSignedSaturate(mixedA.GetLower(), mixedA.GetUpper()),
            Sse2.PackSignedSaturate(mixedB.GetLower(), mixedB.GetUpper()));
    }

    private static Vector256<int> Mix(Vector256<int> high, Vector256<int> low) =>
        ((high << Taps.LowBits) + low + Vector256.Create(Half)) >> Taps.Precision;

    private static byte Clip(int sum) => (byte)Math.Clamp(sum >> Taps.Precision, 0, 255);
}
