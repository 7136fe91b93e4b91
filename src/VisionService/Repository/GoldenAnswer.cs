using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using VisionService.Detection;
using VisionService.Inference;
using VisionService.Repository.SideFiles;
using VisionService.Segmentation;

namespace VisionService.Repository;

/// <summary>One thing that a model sees in a picture: a class, or an object of it.</summary>
/// <param name="Score">0-1; of a class of pixels its share of the picture.</param>
internal sealed record FoundThing(int ClassId, double Score, Box? Box = null, Func<RleMask>? Mask = null);

/// <summary>What a model sees in a picture.</summary>
/// <param name="MinScore">What scores less is not among the things.</param>
internal sealed record FoundAnswer(LabelList Labels, double MinScore, IReadOnlyList<FoundThing> Things)
{
    private const int MostShown = 5;

    public override string ToString() => Things.Count == 0 ? "nothing" : string.Join(
        ", ", Things.OrderByDescending(static thing => thing.Score).Take(MostShown).Select(Show));

    public string Show(FoundThing thing) => Show(Labels.NameOf(thing.ClassId), thing.Score, thing.Box);

    public static string Show(string label, double? score, Box? box) => string.Create(
        CultureInfo.InvariantCulture,
        $"{label}{(score is null ? "" : $" {score:0.###}")}{(box is { } b ? $" at [{b.XMin:0.#}, {b.YMin:0.#}, {b.XMax:0.#}, {b.YMax:0.#}]" : "")}");
}

/// <summary>
/// The known answer to a golden sample: the members <c>predictions</c> or <c>classes</c> of what the REST endpoint answers,
/// each of them by <c>class_id</c> or <c>label</c>; a <c>score</c>, <c>fraction</c>, <c>box</c> or run-length <c>mask</c> that
/// is left out is not compared. So an answer that was saved is a known answer, and a shorter one is written by hand.
/// </summary>
internal sealed class GoldenAnswer
{
    // Boxes and masks: how much of both must be common.
    private const double MinIoU = 0.9;

    private readonly List<Thing> _things;

    private GoldenAnswer(List<Thing> things) => _things = things;

    /// <exception cref="ModelLoadException">The file is no such answer, or leads out of the model's folder.</exception>
    public static GoldenAnswer Read(string path, string folder, LabelList labels)
    {
        var name = $"expected/{Path.GetFileName(path)}";
        try
        {
            var answer = JsonSerializer.Deserialize(SideText.Read(path, folder, SideText.MaxLabelBytes), GoldenJson.Default.GoldenJsonAnswer);
            var said = answer?.Classes ?? answer?.Predictions
                ?? throw new ModelLoadException($"{name} has neither 'predictions' nor 'classes'; it is the JSON that the REST endpoint answers.");
            return new GoldenAnswer([.. said.Select(thing => Thing.Of(thing, labels))]);
        }
        catch (Exception exception) when (exception is JsonException or FormatException or VisionException)
        {
            throw new ModelLoadException($"{name} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>How an answer differs, in words; null where it does not.</summary>
    public string? MismatchWith(FoundAnswer found, double tolerance)
    {
        // 1. Each thing that is expected, unless it may have slipped below the least score.
        var left = found.Things.ToList();
        foreach (var thing in _things)
        {
            var match = left.Where(other => thing.Equals(other, tolerance)).MinBy(other => Math.Abs((thing.Score ?? other.Score) - other.Score));
            if (match is not null)
            {
                left.Remove(match);
            }
            else if (thing.Score is not { } score || score > found.MinScore + tolerance)
            {
                return $"expected {thing}, found {found}";
            }
        }

        // 2. And nothing as strong that is not.
        var least = _things.Select(static thing => thing.Score).Min() ?? found.MinScore;
        var more = _things.Count > 0 && _things.TrueForAll(static thing => thing.Score is null)
            ? null
            : left.Where(thing => thing.Score > least + tolerance).MaxBy(static thing => thing.Score);
        return more is null ? null
            : _things.Count == 0 ? $"expected nothing, found {found}"
            : $"expected nothing but {string.Join(", ", _things)}, found {found.Show(more)} too";
    }

    private sealed record Thing(int ClassId, string Label, double? Score, Box? Box, RleMask? Mask)
    {
        public static Thing Of(GoldenJsonThing said, LabelList labels)
        {
            var id = said.ClassId ?? labels.Resolve([said.Label ?? throw new FormatException("a prediction has neither class_id nor label")]).First();
            var mask = said.Mask is { Counts: { } counts, Size: [var height, var width] } ? RleMask.Parse(counts, width, height) : null;
            return new Thing(
                id,
                said.Label ?? labels.NameOf(id),
                said.Score ?? said.Fraction,
                said.Box is { } box ? new Box(box.Xmin, box.Ymin, box.Xmax, box.Ymax) : null,
                mask);
        }

        public bool Equals(FoundThing found, double tolerance) =>
            found.ClassId == ClassId
            && (Score is not { } score || Math.Abs(score - found.Score) <= tolerance)
            && (Box is not { } box || found.Box is not { } other || IoU.Of(box, other) >= MinIoU)
            && (Mask is null || found.Mask is null || IsAlike(Mask, found.Mask()));

        public override string ToString() => FoundAnswer.Show(Label, Score, Box);

        private static bool IsAlike(RleMask expected, RleMask found) =>
            (expected.Width, expected.Height) == (found.Width, found.Height)
            && (found.IoU(expected) >= MinIoU || (found.Area == 0 && expected.Area == 0));
    }
}

internal sealed record GoldenJsonAnswer(IReadOnlyList<GoldenJsonThing>? Predictions, IReadOnlyList<GoldenJsonThing>? Classes);

internal sealed record GoldenJsonThing(string? Label, int? ClassId, double? Score, double? Fraction, GoldenJsonBox? Box, GoldenJsonMask? Mask);

internal sealed record GoldenJsonBox(float Xmin, float Ymin, float Xmax, float Ymax);

internal sealed record GoldenJsonMask(string? Counts, IReadOnlyList<int>? Size);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(GoldenJsonAnswer))]
internal sealed partial class GoldenJson : JsonSerializerContext;
