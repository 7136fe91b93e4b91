using VisionService.Detection.Decoders;

namespace VisionService.Detection;

/// <summary>What the shapes of the YOLO heads with one output say.</summary>
internal static class YoloShapes
{
    public static readonly int[] Strides = [8, 16, 32];

    /// <summary>The output of rows: the first of rank 3. Mask prototypes and raw maps have another rank.</summary>
    public static int RowsOf(DetectorSignature s) => s.FindWhere(static o => o.Rank == 3);

    public static int RowClasses(DetectorSignature s, int before) =>
        s.ClassCount ?? s.Outputs[RowsOf(s)].Last - before - Extra(s);

    /// <summary>How many columns are left for classes behind box and objectness.</summary>
    public static int? ClassesOfRows(DetectorSignature s) => RowsOf(s) is >= 0 and var rows ? s.Outputs[rows].Last - 5 - Extra(s) : null;

    public static int? ClassesOfV8(DetectorSignature s) => RowsOf(s) is >= 0 and var rows ? s.Outputs[rows].Side(1) - 4 - Extra(s) : null;

    public static Evidence FitV8(DetectorSignature s)
    {
        if (!TryRows(s, out var rows) || rows.Side(1) < 5 || (s.IsUltralytics && s.Task is not ("detect" or "segment" or "pose")))
        {
            return Evidence.None;
        }

        var isGrid = s.StridesOf(rows.Last) is not null || (rows.Last < 0 && rows.Side(1) > 0);
        return isGrid && (rows.Last < 0 || rows.Side(1) < rows.Last) ? Evidence.Certain : Evidence.None;
    }

    public static IDetectionDecoder BuildV8(DetectorSignature s)
    {
        var (keyPoints, dimensions) = KeyPoints(s);
        var output = RowsOf(s);
        return new YoloV8(output, s.ClassCount ?? s.Outputs[output].Side(1) - 4 - Extra(s), keyPoints, dimensions);
    }

    public static Evidence FitEndToEnd(DetectorSignature s) =>
        !TryRows(s, out var rows) || s.StridesOf(rows.Side(1)) is not null || s.StridesOf(rows.Side(1), 3) is not null
            || rows.Last != 6 + Extra(s) ? Evidence.None
        : s.IsUltralytics ? Evidence.Certain
        : Evidence.Possible;

    public static IDetectionDecoder BuildEndToEnd(DetectorSignature s)
    {
        var (keyPoints, dimensions) = KeyPoints(s);
        return new DetectionRows(RowsOf(s), RowLayout.EndToEnd, keyPoints, dimensions);
    }

    /// <summary>Rows of cx, cy, w, h, objectness, classes; three a cell is YOLOv5's and v7's alone.</summary>
    public static Evidence FitRows(DetectorSignature s, int perCell) =>
        !TryRows(s, out var rows) || rows.Last < 6 || s.StridesOf(rows.Side(1), perCell) is null
            || (s.ClassCount is { } classes && rows.Last - 5 - Extra(s) != classes) ? Evidence.None
        : perCell == 3 ? Evidence.Certain
        : Evidence.Possible;

    /// <summary>Whether a run's rows name places in the input's pixels: centres are then all over it. Offsets from cells are a
    /// few strides at most.</summary>
    public static bool AreDecoded(DetectorSignature s, float[] rows)
    {
        var (width, farthest) = (s.Outputs[RowsOf(s)].Last, 0f);
        for (var row = 0; row + width <= rows.Length; row += width)
        {
            farthest = Math.Max(farthest, Math.Max(rows[row], rows[row + 1]));
        }

        return farthest > Math.Max(s.Input.Width, s.Input.Height) / 2f;
    }

    /// <summary>Whether they are such offsets, and not nothing at all.</summary>
    public static bool AreOffsets(DetectorSignature s, float[] rows) =>
        !AreDecoded(s, rows) && rows.AsSpan().ContainsAnyExcept(0);

    /// <summary>Whether objectness is 1 throughout a run's rows: YOLOv6 has the column and no such score.</summary>
    public static bool AreAllObjects(DetectorSignature s, float[] rows)
    {
        var width = s.Outputs[RowsOf(s)].Last;
        for (var row = 0; row + width <= rows.Length; row += width)
        {
            if (Math.Abs(rows[row + 4] - 1) > 1e-3f)
            {
                return false;
            }
        }

        return true;
    }

    public static IDetectionDecoder BuildRows(DetectorSignature s) => new YoloV5(RowsOf(s), RowClasses(s, 5));

    public static Evidence FitNanoDetPlus(DetectorSignature s) =>
        s.Outputs.Count != 1 || !TryRows(s, out var rows) || rows.Last <= 32 || s.StridesOf(rows.Side(1)) is not [8, 16, 32, 64]
            || (s.ClassCount is { } classes && (rows.Last - classes <= 5 || (rows.Last - classes) % 4 != 0)) ? Evidence.None
        : s.ClassCount is not null || s.HasInput("data") ? Evidence.Certain
        : Evidence.Possible;

    /// <summary>Columns after the classes: 32 mask coefficients beside prototypes, or key points.</summary>
    private static int Extra(DetectorSignature s)
    {
        var (keyPoints, dimensions) = KeyPoints(s);
        var hasPrototypes = s.Task == "segment" || s.Outputs.Any(static o => o.Rank == 4 && o.Side(1) == 32);
        return (keyPoints * dimensions) + (s.Parameters.MaskCoefficientCount ?? (hasPrototypes ? 32 : 0));
    }

    private static (int Count, int Dimensions) KeyPoints(DetectorSignature s)
    {
        if (s.Parameters.KeyPointCount is { } count)
        {
            return (count, s.Parameters.KeyPointDimensions ?? 3);
        }

        // "[17, 3]"
        var shape = s.Metadata.GetValueOrDefault("kpt_shape")?.Trim('[', ']').Split(',');
        return shape is [var first, var second] && int.TryParse(first, out var points) && int.TryParse(second, out var dimensions)
            ? (points, dimensions)
            : (0, 3);
    }

    private static bool TryRows(DetectorSignature s, out OutputSignature rows)
    {
        var index = RowsOf(s);
        rows = index < 0 ? null! : s.Outputs[index];
        // Beside the rows only prototypes or raw maps may stand.
        return index >= 0 && s.Outputs.Count(static o => o.Rank == 3) == 1 && !rows.IsInteger;
    }
}
