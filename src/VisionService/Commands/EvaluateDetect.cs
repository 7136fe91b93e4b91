using System.Globalization;
using System.Text.Json;
using VisionService.Detection;
using VisionService.Detection.Evaluation;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository;
using VisionService.Segmentation;

namespace VisionService.Commands;

/// <summary>
/// <c>evaluate detect</c>: runs a model over the images of a COCO file, the way a request would, and prints COCO's
/// figures: of boxes, and of masks too where both the model and the file draw them.
/// </summary>
internal sealed class EvaluateDetect(EvaluationRun run)
{
    // The protocol looks at the best hundred of an image.
    private const int MaxDetections = 100;
    private const float UsualMaxIoU = 0.7f;

    /// <returns>The process' exit code.</returns>
    /// <exception cref="ModelLoadException">A file is missing or cannot be read, or there is no such model.</exception>
    public async Task<int> RunAsync(TextWriter output, TextWriter progress, CancellationToken cancellationToken)
    {
        var settings = run.Settings;
        var truth = ReadTruth(
            settings.Coco ?? throw new ModelLoadException("evaluate detect needs --coco instances.json."));
        var folder = settings.Images ?? throw new ModelLoadException("evaluate detect needs --images DIR.");
        var detector = await run.LoadAsync<DetectRequest, DetectResult>("detect", cancellationToken);
        var (entry, loaded) = (detector.Entry, detector.Entry.Loaded!);
        var categories = CategoriesOf(loaded.Labels, truth);

        var minScore = (float)settings.MinScore;
        var maxIoU = (float)(settings.MaxIoU ?? loaded.Defaults.MaxIoU ?? UsualMaxIoU);
        var images = truth.Images.Select(image => (Path.Combine(folder, image.FileName), image)).ToArray();
        var segmenter = loaded.Tasks.OfType<Model<SegmentRequest, SegmentResult>>().FirstOrDefault();
        var trueMasks = segmenter is null ? null : CocoMasks.Of(truth);
        var (boxes, masks) = (new List<CocoDetection>(), new List<RleMask>());
        if (trueMasks is null)
        {
            var filter = new ScoreFilter(minScore);
            await run.RunAsync(
                detector,
                images,
                (_, image) => new DetectRequest(image, filter, loaded.Defaults.Suppression, maxIoU, MaxDetections),
                (image, result) => boxes.AddRange(result.Objects
                    .Where(found => categories.ContainsKey(found.ClassId))
                    .Select(found => new CocoDetection(image.Id, categories[found.ClassId], found.Score, found.Box))),
                progress,
                cancellationToken);
        }
        else
        {
            await run.RunAsync(
                (entry, segmenter!),
                images,
                (truly, image) => new SegmentRequest(MustFit(image, truly), null, minScore, maxIoU, MaxDetections),
                (image, result) =>
                {
                    foreach (var found in result.Objects!.Where(found => categories.ContainsKey(found.ClassId)))
                    {
                        var box = new Box(found.Box.XMin, found.Box.YMin, found.Box.XMax, found.Box.YMax);
                        boxes.Add(new CocoDetection(image.Id, categories[found.ClassId], found.Score, box));
                        masks.Add(RleMask.Encode(found.Mask, image.Width, image.Height));
                    }
                },
                progress,
                cancellationToken);
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{entry.Name} on {truth.Images.Count} images, {truth.Annotations.Count} annotations; "
            + $"score >= {settings.MinScore}, IoU {maxIoU:F2}"));
        Print(output, trueMasks is null ? "category" : "boxes", CocoEvaluator.Evaluate(truth, boxes));
        if (trueMasks is not null)
        {
            var areas = boxes.Zip(masks, static (box, mask) => box with { Area = mask.Area }).ToArray();
            Print(output, "masks", CocoEvaluator.Evaluate(
                truth, areas, (d, a) => masks[d].IoU(trueMasks[a], truth.Annotations[a].IsCrowd != 0)));
        }

        return 0;
    }

    private static CocoGroundTruth ReadTruth(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return CocoGroundTruth.Read(stream);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new ModelLoadException(
                $"'{path}' cannot be read as COCO annotations: {exception.Message}", exception);
        }
    }

    /// <summary>COCO's category of each class: by name, or by order where no name fits and the numbers do.</summary>
    private static Dictionary<int, int> CategoriesOf(LabelList labels, CocoGroundTruth truth)
    {
        var byName = truth.Categories.ToDictionary(
            category => category.Name, category => category.Id, StringComparer.OrdinalIgnoreCase);
        var named = Enumerable.Range(0, labels.Count)
            .Where(id => byName.ContainsKey(labels.Names[id]))
            .ToDictionary(id => id, id => byName[labels.Names[id]]);
        if (named.Count == 0 && labels.Count == truth.Categories.Count)
        {
            var ids = truth.Categories.Select(category => category.Id).Order().ToArray();
            return Enumerable.Range(0, ids.Length).ToDictionary(id => id, id => ids[id]);
        }

        return named.Count > 0 ? named : throw new ModelLoadException(
            $"None of the model's {labels.Count} labels is a category of the annotations "
            + $"({string.Join(", ", byName.Keys.Take(5))}, ...).");
    }

    /// <summary>Masks can be compared only in the same pixels.</summary>
    private static RgbImage MustFit(RgbImage image, CocoImage truth) =>
        (image.SourceWidth, image.SourceHeight) == (truth.Width, truth.Height) ? image : throw new ModelLoadException(
            $"The image '{truth.FileName}' is {image.SourceWidth} x {image.SourceHeight} pixels; "
            + $"the annotations say {truth.Width} x {truth.Height}.");

    private static void Print(TextWriter output, string what, CocoSummary summary)
    {
        static string Number(double value) =>
            double.IsNaN(value) ? "    -" : value.ToString("F3", CultureInfo.InvariantCulture);
        output.WriteLine();
        output.WriteLine($"{what,-16} {"objects",7} {"AP",6} {"AP50",6} {"AR100",6}");
        foreach (var category in summary.Categories)
        {
            output.WriteLine(
                $"{category.Category.Name,-16} {category.AnnotationCount,7} "
                + $"{Number(category.AP),6} {Number(category.AP50),6} {Number(category.AR100),6}");
        }

        output.WriteLine();
        output.WriteLine(
            $"AP {Number(summary.AP)}  AP50 {Number(summary.AP50)}  AP75 {Number(summary.AP75)}  "
            + $"small {Number(summary.APSmall)}  medium {Number(summary.APMedium)}  large {Number(summary.APLarge)}  "
            + $"AR100 {Number(summary.AR100)}");
    }
}
