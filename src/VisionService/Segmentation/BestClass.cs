using System.Buffers;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace VisionService.Segmentation;

/// <summary>The class with the highest bilinearly interpolated score, for each pixel.</summary>
/// <remarks>
/// Works quad by quad: all pixels between the same four cells are weighted means of those four scores. A class whose
/// highest corner lies below some class's lowest corner cannot win inside the quad; usually one class is left, and the
/// quad is a rectangle of it. Otherwise a row of a quad is linear in x, and the few classes left are compared eight
/// pixels at a time. Exact: nothing that could win is skipped.
/// </remarks>
internal readonly ref struct BestClass(ScoreMap scores, GridAxis columns, GridAxis rows)
{
    private const int Lanes = Quad.Lanes;
    private readonly ScoreMap _scores = scores;

    /// <param name="ids">For each class the id to write.</param>
    /// <param name="map">[H, W] of the axes' lengths; written where the network saw the picture.</param>
    public void Write(ReadOnlySpan<ushort> ids, Span<ushort> map)
    {
        var classes = _scores.Classes;
        var rowLength = _scores.Width * classes;
        var padded = (classes + Lanes - 1) / Lanes * Lanes;
        var rented = ArrayPool<float>.Shared.Rent((2 * rowLength) + (3 * padded));
        var survivors = ArrayPool<int>.Shared.Rent(classes);
        try
        {
            var above = rented.AsSpan(0, rowLength);
            var below = rented.AsSpan(rowLength, rowLength);
            var scratch = new Scratch(
                rented.AsSpan(2 * rowLength, padded), rented.AsSpan((2 * rowLength) + padded, padded),
                rented.AsSpan((2 * rowLength) + (2 * padded), padded), survivors);
            if (columns.IsExact && rows.IsExact)
            {
                Copy(above, ids, map);
                return;
            }

            scratch.Highest.Fill(float.NegativeInfinity);
            for (int y = rows.Start, end; y < rows.End; y = end)
            {
                end = rows.RunEnd(y);
                var cell = rows.Cells[y];
                Band(_scores.Row(cell, above), _scores.Row(rows.Next(cell), below), (y, end), ids, scratch, map);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
            ArrayPool<int>.Shared.Return(survivors);
        }
    }

    /// <summary>Where each pixel is a cell there is nothing between cells.</summary>
    private void Copy(Span<float> buffer, ReadOnlySpan<ushort> ids, Span<ushort> map)
    {
        var classes = _scores.Classes;
        for (var y = rows.Start; y < rows.End; y++)
        {
            var cells = _scores.Row(rows.Nearest(y), buffer);
            var line = map.Slice(y * columns.Length, columns.Length);
            for (var x = columns.Start; x < columns.End; x++)
            {
                line[x] = ids[Best(cells.Slice(columns.Nearest(x) * classes, classes))];
            }
        }
    }

    /// <summary>The index of the highest score; of equal ones the first.</summary>
    private static int Best(ReadOnlySpan<float> scores)
    {
        if (scores.Length >= Lanes)
        {
            var highest = Vector256.Create(scores);
            for (var c = Lanes; c < scores.Length; c += Lanes) // the last eight may overlap those before
            {
                highest = Vector256.Max(highest, Vector256.Create(scores[Math.Min(c, scores.Length - Lanes)..]));
            }

            highest = Vector256.Max(highest, Vector256.Shuffle(highest, Vector256.Create(4, 5, 6, 7, 0, 1, 2, 3)));
            highest = Vector256.Max(highest, Vector256.Shuffle(highest, Vector256.Create(2, 3, 0, 1, 6, 7, 4, 5)));
            highest = Vector256.Max(highest, Vector256.Shuffle(highest, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6)));
            for (var c = 0; c < scores.Length; c += Lanes)
            {
                var first = Math.Min(c, scores.Length - Lanes);
                var equal = Vector256.Equals(highest, Vector256.Create(scores[first..])).ExtractMostSignificantBits();
                if (equal != 0)
                {
                    return first + BitOperations.TrailingZeroCount(equal);
                }
            }
        }

        // Few classes, or a score that is no number, which is above none.
        var best = 0;
        for (var c = 1; c < scores.Length; c++)
        {
            best = scores[c] > scores[best] ? c : best;
        }

        return best;
    }

    /// <summary>The rows of pixels between two rows of cells.</summary>
    private void Band(
        ReadOnlySpan<float> above, ReadOnlySpan<float> below, (int Start, int End) y, ReadOnlySpan<ushort> ids,
        Scratch scratch, Span<ushort> map)
    {
        var classes = _scores.Classes;
        for (int x = columns.Start, end; x < columns.End; x = end)
        {
            end = columns.RunEnd(x);
            var left = columns.Cells[x] * classes;
            var right = columns.Next(columns.Cells[x]) * classes;
            var quad = new Quad(
                above.Slice(left, classes), above.Slice(right, classes),
                below.Slice(left, classes), below.Slice(right, classes));
            var count = quad.Survivors(scratch.Highest, scratch.Survivors);
            if (count == 1)
            {
                Fill(map, (x, end), y, ids[scratch.Survivors[0]]);
            }
            else
            {
                Compare(quad, scratch, count, (x, end), y, ids, map);
            }
        }
    }

    private void Fill(Span<ushort> map, (int Start, int End) x, (int Start, int End) y, ushort id)
    {
        for (var row = y.Start; row < y.End; row++)
        {
            map.Slice((row * columns.Length) + x.Start, x.End - x.Start).Fill(id);
        }
    }

    /// <summary>Interpolates the classes that are left at each pixel of the quad.</summary>
    private void Compare(
        Quad quad, Scratch scratch, int count, (int Start, int End) x, (int Start, int End) y, ReadOnlySpan<ushort> ids,
        Span<ushort> map)
    {
        var survivors = scratch.Survivors[..count];
        var left = scratch.Left[..count];
        var slope = scratch.Slope[..count];
        for (var row = y.Start; row < y.End; row++)
        {
            var weight = rows.Weights[row];
            for (var i = 0; i < survivors.Length; i++)
            {
                var c = survivors[i];
                left[i] = quad.TopLeft[c] + ((quad.BottomLeft[c] - quad.TopLeft[c]) * weight);
                slope[i] = quad.TopRight[c] + ((quad.BottomRight[c] - quad.TopRight[c]) * weight) - left[i];
            }

            var line = map.Slice(row * columns.Length, columns.Length);
            var at = x.Start;

            // A block may run into the next quads of the row, which are written later.
            for (; at < x.End && at + Lanes <= columns.End; at += Lanes)
            {
                var weights = Vector256.Create(columns.Weights.Slice(at, Lanes));
                var best = Vector256.Create(left[0]) + (Vector256.Create(slope[0]) * weights);
                var id = Vector256.Create((int)ids[survivors[0]]);
                for (var i = 1; i < survivors.Length; i++)
                {
                    var score = Vector256.Create(left[i]) + (Vector256.Create(slope[i]) * weights);
                    var better = Vector256.GreaterThan(score, best);
                    best = Vector256.ConditionalSelect(better, score, best);
                    id = Vector256.ConditionalSelect(better.AsInt32(), Vector256.Create((int)ids[survivors[i]]), id);
                }

                Vector128.Narrow(id.GetLower().AsUInt32(), id.GetUpper().AsUInt32()).CopyTo(line[at..]);
            }

            for (; at < x.End; at++)
            {
                line[at] = ids[survivors[Best(left, slope, columns.Weights[at])]];
            }
        }
    }

    private static int Best(ReadOnlySpan<float> left, ReadOnlySpan<float> slope, float weight)
    {
        var (best, bestScore) = (0, left[0] + (slope[0] * weight));
        for (var i = 1; i < left.Length; i++)
        {
            var score = left[i] + (slope[i] * weight);
            if (score > bestScore)
            {
                (best, bestScore) = (i, score);
            }
        }

        return best;
    }

    /// <summary>Room for one number per class.</summary>
    private readonly ref struct Scratch(Span<float> highest, Span<float> left, Span<float> slope, Span<int> survivors)
    {
        public readonly Span<float> Highest = highest;
        public readonly Span<float> Left = left;
        public readonly Span<float> Slope = slope;
        public readonly Span<int> Survivors = survivors;
    }
}
