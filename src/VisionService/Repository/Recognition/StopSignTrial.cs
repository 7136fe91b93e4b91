using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Repository.Recognition;

/// <summary>Finds out how a detector's pixels are normalised from whether it sees the stop sign in a drawn street.</summary>
internal static class StopSignTrial
{
    private const float LeastScore = 0.2f;
    private const float Lead = 3;
    private const int CocoClasses = 80;
    private const int StopSign = 11;

    /// <summary>
    /// The reading under which rows of boxes, objectness and classes, <c>[1, n, 5 + classes]</c>, show the sign; where the
    /// classes are not COCO's, anything at all. Null where none or several do.
    /// </summary>
    public static InputPreset? Find(InputTrial trial, IReadOnlyList<InputPreset> readings)
    {
        using var picture = ProbePicture.StopSign.Draw();
        var ranked = readings
            .Select(reading => (Reading: reading, Score: trial.Run(picture, reading).Where(IsRows).Select(Best).DefaultIfEmpty(0).Max()))
            .OrderByDescending(static candidate => candidate.Score)
            .ToArray();
        return ranked[0].Score >= LeastScore && (ranked.Length == 1 || ranked[0].Score >= Lead * ranked[1].Score)
            ? ranked[0].Reading
            : null;
    }

    /// <summary>The rows that the model gives for the sign's picture, to be looked at; null where there are none.</summary>
    public static TrialOutput? Rows(InputTrial trial, InputPreset reading)
    {
        using var picture = ProbePicture.StopSign.Draw();
        return trial.Run(picture, reading).FirstOrDefault(IsRows);
    }

    private static bool IsRows(TrialOutput output) => output.Shape is [1, _, > 5] && output.Values.Length > 0;

    private static float Best(TrialOutput rows)
    {
        var width = (int)rows.Shape[^1];
        var best = 0f;
        for (var row = 0; row + width <= rows.Values.Length; row += width)
        {
            var classes = rows.Values.AsSpan(row + 5, width - 5);
            var score = classes.Length == CocoClasses ? classes[StopSign] : TensorPrimitives.Max(classes);
            best = Math.Max(best, rows.Values[row + 4] * score);
        }

        return best;
    }
}
