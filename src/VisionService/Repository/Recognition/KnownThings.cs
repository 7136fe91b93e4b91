using VisionService.Inference;

namespace VisionService.Repository.Recognition;

/// <summary>
/// Finds out how a classifier's pixels are normalised from what it calls things that it must know: ImageNet's, or digits.
/// The right reading calls most of them by their name; wrong scales and swapped colours make it err.
/// </summary>
internal static class KnownThings
{
    // Of a reading's whole score in natural logarithms: as far behind the best a reading is given up, and so far ahead of the
    // second the best is believed. Between the right reading and the next lay 9 and more with every model tried.
    private const double Lead = 4;

    // A mean per picture of e^-4 for what it shows; a guess among a thousand is e^-6.9.
    private const double LeastMean = -4;

    private const double Floor = 1e-4;
    private const int FewestPictures = 5;

    /// <summary>The readings of a colour classifier.</summary>
    public static IReadOnlyList<InputPreset> ColorReadings { get; } =
    [
        InputPreset.Torchvision,
        InputPreset.Unit,
        InputPreset.Find("keras-tf"),
        InputPreset.Find("keras-caffe"),
        InputPreset.Raw,
        InputPreset.Raw with { Color = InputColor.Bgr },
        InputPreset.Unit with { Color = InputColor.Bgr },
        InputPreset.Torchvision with { Color = InputColor.Bgr },
    ];

    /// <summary>The readings of one that sees grey.</summary>
    public static IReadOnlyList<InputPreset> GreyReadings { get; } =
    [
        InputPreset.Unit,
        InputPreset.Raw,
        InputPreset.Unit with { Invert = true },
        InputPreset.Raw with { Invert = true },
        new("(x / 255 - 0.1307) / 0.3081", InputColor.Gray, 1.0 / 255, [0.1307], [0.3081]),
        new("(x / 255 - 0.1307) / 0.3081", InputColor.Gray, 1.0 / 255, [0.1307], [0.3081]) { Invert = true },
    ];

    /// <summary>The reading under which the model knows the things; null where it knows them under none, or under several
    /// that give different answers.</summary>
    /// <param name="labels">The classes' names; null where there are none.</param>
    /// <param name="scores">The name of the output with the scores; null: the first that can be.</param>
    public static InputPreset? Find(InputTrial trial, IReadOnlyList<InputPreset> readings, LabelList? labels, string? scores)
    {
        var pictures = trial.Input.Channels == 3 ? ProbePicture.Things : ProbePicture.Digits;
        var candidates = readings.Select(static reading => new Candidate(reading)).ToList();
        var seen = 0;
        foreach (var picture in pictures)
        {
            using var image = picture.Draw();
            foreach (var candidate in candidates)
            {
                if (Answer(trial.Run(image, candidate.Reading), picture, labels, scores) is not { } answer)
                {
                    return null;
                }

                candidate.Score += Math.Log(Math.Max(answer.Probability, Floor));
                candidate.Answers.Add(answer.Class);
            }

            // What is far behind needs no further runs.
            seen++;
            var best = candidates.Max(static candidate => candidate.Score);
            candidates.RemoveAll(candidate => candidate.Score < best - (2 * Lead));
            if (candidates.Count == 1 && seen >= FewestPictures)
            {
                break;
            }
        }

        var ranked = candidates.OrderByDescending(static candidate => candidate.Score).ToArray();
        var rivals = ranked.Skip(1).Where(rival => rival.Score > ranked[0].Score - Lead);
        return ranked[0].Score / seen >= LeastMean && rivals.All(rival => rival.Answers.SequenceEqual(ranked[0].Answers))
            ? ranked[0].Reading
            : null;
    }

    /// <summary>What the model gives to what the picture shows, 0-1, and what it gives most to; null where its classes are
    /// not those of the picture.</summary>
    private static (double Probability, int Class)? Answer(
        IReadOnlyList<TrialOutput> outputs, ProbePicture picture, LabelList? labels, string? scores)
    {
        var output = outputs.FirstOrDefault(output => scores is null
            ? output.Values.Length > 1 && output.Shape.Length >= 2 && output.Shape.Max() == output.Values.Length
            : output.Name == scores);

        // TensorFlow's lists begin with the background.
        var offset = (output?.Values.Length ?? 0) - picture.ClassCount;
        if (offset is not (0 or 1) || (labels is not null && !Names(labels, offset, picture)))
        {
            return null;
        }

        var values = Array.ConvertAll(output!.Values, static value => (double)value);
        if (!Array.TrueForAll(values, double.IsFinite))
        {
            return (0, -1);
        }

        var most = values.Max();
        var winner = Array.IndexOf(values, most);
        if (values.Min() < 0 || Math.Abs(values.Sum() - 1) > 0.01)
        {
            values = Array.ConvertAll(values, value => Math.Exp(value - most));
        }

        return (picture.ClassIds.Sum(id => values[id + offset]) / values.Sum(), winner);
    }

    /// <summary>Whether the labels call the picture's class what it is; they may leave the background out.</summary>
    private static bool Names(LabelList labels, int offset, ProbePicture picture)
    {
        var id = picture.ClassIds[0] + (labels.Count == picture.ClassCount ? 0 : offset);
        return id < labels.Count && labels.NameOf(id).Contains(picture.Word, StringComparison.OrdinalIgnoreCase);
    }

    private sealed record Candidate(InputPreset Reading)
    {
        public double Score { get; set; }

        public List<int> Answers { get; } = [];
    }
}
