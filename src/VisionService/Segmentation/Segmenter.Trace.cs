using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Segmentation;

/// <content>What a class's part of the picture is made of, cell by cell of the model's own map: nothing is
/// resized.</content>
internal sealed partial class Segmenter
{
    /// <summary>
    /// The elements of the outputs that speak for a class where it shows: its scores where it is the best; a matte's
    /// opacities inside the foreground, or outside it, where they count against it, for class 0; the mask logits inside
    /// the masks of queries for which the class is the likeliest. Each weighs 1, or -1.
    /// </summary>
    /// <returns>
    /// Empty where the class shows nowhere; where the graph has chosen the classes, through which no gradient goes; and
    /// for models with objects: their scores are the detector's to trace.
    /// </returns>
    public OutputElement[] Trace(SegmentRequest request, ModelOutputs outputs, int classId) =>
        reading.Form == SegmentationForm.Indices
            ? []
            :
            [
                .. Cells(request, outputs)
                    .Where(cell => cell.ClassId == classId)
                    .Select(cell => new OutputElement(reading.Masks, cell.Index, IsOutside(classId) ? -1 : 1)),
            ];

    /// <summary>How many cells each class covers, most first; background and void aside. Cells that show only padding
    /// do not count; one that several queries claim counts for each.</summary>
    public IReadOnlyList<(int ClassId, long Cells)> Coverage(SegmentRequest request, ModelOutputs outputs) =>
    [
        .. Cells(request, outputs)
            .Where(cell => cell.ClassId != LabelMap.Void && cell.ClassId != background)
            .CountBy(static cell => cell.ClassId)
            .Select(static counted => (counted.Key, (long)counted.Value))
            .OrderByDescending(static counted => counted.Item2)
            .ThenBy(static counted => counted.Key),
    ];

    /// <summary>How much of the cells that show the picture a class covers, 0-1.</summary>
    public float Fraction(SegmentRequest request, ModelOutputs outputs, int classId)
    {
        var cells = Cells(request, outputs);
        return cells.Count == 0 ? 0 : cells.Count(cell => cell.ClassId == classId) / (float)cells.Count;
    }

    private bool IsOutside(int classId) => reading.Form == SegmentationForm.Matte && classId == 0;

    /// <summary>The class of each cell that shows the picture, and the element that speaks for it.</summary>
    private List<(int ClassId, int Index)> Cells(SegmentRequest request, ModelOutputs outputs)
    {
        var cells = new List<(int ClassId, int Index)>();
        if (findObjects is not null)
        {
            return cells;
        }

        var placement = Place(request);
        var (height, width) = Places(outputs.Shape(reading.Masks));
        var seen = Seen(placement, height, width);
        switch (reading.Form)
        {
            case SegmentationForm.Indices:
                var ids = outputs.Integers(reading.Output);
                foreach (var cell in seen)
                {
                    cells.Add((default(ClassChoice).Id(ids[cell]), cell));
                }

                break;
            case SegmentationForm.Matte:
                var isForeground = Matte.ForegroundCells(
                    outputs.Floats(reading.Output), Activation, request.MinScore ?? MinForeground);
                cells.AddRange(seen.Select(cell => (isForeground[cell] ? 1 : 0, cell)));
                break;
            case SegmentationForm.MaskQueries:
                AddMasks(Queries(outputs, placement), seen, cells);
                break;
            default:
                var scores = Scores(outputs);
                foreach (var cell in seen)
                {
                    var best = scores.BestIn(cell);
                    cells.Add((best, scores.IndexOf(best, cell)));
                }

                break;
        }

        return cells;
    }

    private static void AddMasks(MaskQueries queries, List<int> seen, List<(int ClassId, int Index)> cells)
    {
        for (var q = 0; q < queries.Count; q++)
        {
            if (queries.ClassOf(q) is not { } classId)
            {
                continue;
            }

            var mask = queries.CellsOf(q);
            foreach (var cell in seen)
            {
                if (mask[cell] > 0)
                {
                    cells.Add((classId, (q * mask.Length) + cell));
                }
            }
        }
    }

    /// <summary>The cells that show the picture and not only padding, row by row.</summary>
    private static List<int> Seen(Placement placement, int height, int width)
    {
        using var columns = GridAxis.Columns(placement, width, 0, 0);
        using var rows = GridAxis.Rows(placement, height, 0, 0);
        var seen = new List<int>();
        for (var y = rows.FirstCell; y <= rows.LastCell; y++)
        {
            seen.AddRange(Enumerable.Range((y * width) + columns.FirstCell, columns.LastCell - columns.FirstCell + 1));
        }

        return seen;
    }
}
