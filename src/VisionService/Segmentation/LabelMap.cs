using System.Buffers;
using VisionService.Imaging;

namespace VisionService.Segmentation;

/// <summary>One id for each pixel of the upright image: classes, or instances.</summary>
internal sealed class LabelMap(int width, int height)
{
    /// <summary>The id of a pixel that belongs to nothing; 255 in PNGs of 8 bits, as in Pascal VOC.</summary>
    public const ushort Void = ushort.MaxValue;

    public int Width { get; } = width;

    public int Height { get; } = height;

    /// <summary>[H, W], row-major.</summary>
    public ushort[] Ids { get; } = GC.AllocateUninitializedArray<ushort>(checked(width * height));

    public Span<ushort> Row(int y) => Ids.AsSpan(y * Width, Width);

    /// <summary>The best class of each pixel: scores interpolated bilinearly to the full size first, then
    /// compared.</summary>
    /// <param name="placement">How the picture was brought into the network's input: undone here.</param>
    /// <remarks>Of equal scores the lower class wins. Needs no memory but the map and two rows of scores.</remarks>
    public static LabelMap OfBest(ScoreMap scores, in Placement placement, ClassChoice choice)
    {
        var map = new LabelMap(placement.SourceWidth, placement.SourceHeight);
        using var columns = GridAxis.Columns(placement, scores.Width, 0, map.Width);
        using var rows = GridAxis.Rows(placement, scores.Height, 0, map.Height);
        map.FillUnseen(columns, rows, choice.Unassigned);
        var ids = ArrayPool<ushort>.Shared.Rent(scores.Classes);
        try
        {
            choice.WriteIds(ids.AsSpan(0, scores.Classes));
            new BestClass(scores, columns, rows).Write(ids.AsSpan(0, scores.Classes), map.Ids);
        }
        finally
        {
            ArrayPool<ushort>.Shared.Return(ids);
        }

        return map;
    }

    /// <summary>Class ids that the model chose itself: each pixel takes those of the cell its centre lies in.</summary>
    /// <param name="indices">[h, w]; what is below 0 or above 65534 counts as void.</param>
    public static LabelMap OfIndices(
        ReadOnlySpan<long> indices, int height, int width, in Placement placement, ClassChoice choice)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(indices.Length, height * width);
        var map = new LabelMap(placement.SourceWidth, placement.SourceHeight);
        using var columns = GridAxis.Columns(placement, width, 0, map.Width);
        using var rows = GridAxis.Rows(placement, height, 0, map.Height);
        map.FillUnseen(columns, rows, choice.Unassigned);
        for (var y = rows.Start; y < rows.End; y++)
        {
            var cells = indices.Slice(rows.Nearest(y) * width, width);
            var row = map.Row(y);
            for (var x = columns.Start; x < columns.End; x++)
            {
                row[x] = choice.Id(cells[columns.Nearest(x)]);
            }
        }

        return map;
    }

    /// <summary>Instances drawn over one another, the first on top: its pixels are 1, the second's 2 and so on; the
    /// rest is 0.</summary>
    /// <param name="masks">Best first: masks may overlap, and the better one is seen.</param>
    public static LabelMap OfInstances(IReadOnlyList<InstanceMask> masks, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(masks.Count, Void);
        var map = new LabelMap(width, height);
        map.Ids.AsSpan().Clear();
        for (var i = masks.Count - 1; i >= 0; i--)
        {
            for (var y = 0; y < masks[i].Height; y++)
            {
                var row = map.Row(masks[i].Top + y)[masks[i].Left..];
                foreach (var (start, end) in masks[i].Runs(y))
                {
                    row[start..end].Fill((ushort)(i + 1));
                }
            }
        }

        return map;
    }

    /// <summary>One more than the highest id there is, void aside; at least <paramref name="known"/>.</summary>
    public int CountIds(int known)
    {
        for (ReadOnlySpan<ushort> rest = Ids; !rest.IsEmpty;)
        {
            known = rest[0] == Void ? known : Math.Max(known, rest[0] + 1);
            var run = rest.IndexOfAnyExcept(rest[0]);
            rest = rest[(run < 0 ? rest.Length : run)..];
        }

        return known;
    }

    /// <summary>How many pixels have each id below <paramref name="count"/>; all other ids are left out.</summary>
    public long[] CountPixels(int count)
    {
        var pixels = new long[count];
        for (ReadOnlySpan<ushort> rest = Ids; !rest.IsEmpty;)
        {
            var run = rest.IndexOfAnyExcept(rest[0]); // real maps are long runs of one id
            run = run < 0 ? rest.Length : run;
            if (rest[0] < count)
            {
                pixels[rest[0]] += run;
            }

            rest = rest[run..];
        }

        return pixels;
    }

    private void FillUnseen(GridAxis columns, GridAxis rows, ushort id)
    {
        for (var y = 0; y < Height; y++)
        {
            var row = Row(y);
            var seen = y >= rows.Start && y < rows.End;
            row[..(seen ? columns.Start : Width)].Fill(id);
            row[(seen ? columns.End : Width)..].Fill(id);
        }
    }
}
