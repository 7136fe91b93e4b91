using VisionService.Inference;

namespace VisionService.Segmentation;

/// <summary>The ways to read outputs that are maps over the input, one of which is the answer.</summary>
/// <param name="classes">How many labels there are; 0: unknown.</param>
internal sealed class MapReadings(int inputWidth, int inputHeight, int classes)
{
    private static readonly string[] Preferred = ["out", "logits", "output"];

    private double Aspect => (double)inputWidth / inputHeight;

    public IReadOnlyList<OutputReading> Of(IReadOnlyList<OutputShape> outputs)
    {
        var maps = outputs.Select(Readings).ToList();
        var answers = Enumerable.Range(0, outputs.Count).Where(i => maps[i].Count > 0).ToList();
        if (answers.Count > 1)
        {
            // 1. U-2-Net: seven mattes, the first is made of the others. 2. torchvision: "out" beside "aux".
            if (answers.Count == 7 && answers.TrueForAll(i => maps[i] is [{ Form: SegmentationForm.Matte }]))
            {
                return [maps[answers[0]][0] with { Output = answers[0], Masks = answers[0], IsMinMax = true }];
            }

            var preferred = Preferred
                .Select(name => answers.FindIndex(i => outputs[i].Name == name))
                .FirstOrDefault(i => i >= 0, -1);
            answers = preferred >= 0 ? [answers[preferred]] : answers;
        }

        return [.. answers.SelectMany(i => maps[i].Select(reading => reading with { Output = i, Masks = i }))];
    }

    private List<OutputReading> Readings(OutputShape output)
    {
        var readings = new List<OutputReading>();
        if (!output.IsFloat)
        {
            if (output is { Rank: 3 } or { Rank: 4, Shape: [_, 1, _, _] or [_, _, _, 1] })
            {
                readings.Add(new OutputReading(SegmentationForm.Indices, 0));
            }

            return readings;
        }

        switch (output.Shape)
        {
            case [_, var h, var w] when IsPlace(h, w):
            case [_, 1, var y, var x] when IsPlace(y, x):
            case [_, var v, var u, 1] when IsPlace(v, u):
                readings.Add(new OutputReading(SegmentationForm.Matte, 0));
                break;
            case [_, var a, var b, var c]:
                var planar = IsPlace(b, c) && a != 0;
                var interleaved = IsPlace(a, b) && c != 0;
                if (planar && interleaved && classes > 0 && (a == classes) != (c == classes))
                {
                    (planar, interleaved) = (a == classes, c == classes);
                }

                if (planar)
                {
                    readings.Add(new OutputReading(SegmentationForm.Scores, 0));
                }

                if (interleaved)
                {
                    readings.Add(new OutputReading(SegmentationForm.Scores, 0) { IsInterleaved = true });
                }

                break;
        }

        return readings;
    }

    /// <summary>Whether a map of this size has the input's proportions, to a cell; sizes that vary may.</summary>
    private bool IsPlace(long height, long width) =>
        height < 0 || width < 0 ? height < 0 && width < 0
        : height > 1 && width > 1
            && Math.Abs((height * Aspect) - width) <= Math.Max(1, Aspect);
}
