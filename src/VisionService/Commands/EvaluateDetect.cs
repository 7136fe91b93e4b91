using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Options;
using VisionService.Detection;
using VisionService.Detection.Evaluation;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Commands;

/// <summary>
/// <c>evaluate detect</c>: runs a model over the images of a COCO file, the way a request would, and prints COCO's figures.
/// </summary>
internal sealed class EvaluateDetect(ModelCatalog catalog, ImageDecoder decoder, IOptions<EvaluateOptions> options)
{
    // The protocol looks at the best hundred of an image.
    private const int MaxDetections = 100;
    private const float UsualMaxIoU = 0.7f;

    /// <returns>The process' exit code.</returns>
    /// <exception cref="ModelLoadException">A file is missing or cannot be read, or there is no such model.</exception>
    public async Task<int> RunAsync(TextWriter output, TextWriter progress, CancellationToken cancellationToken)
    {
        var settings = options.Value;
        var truth = ReadTruth(settings.Coco ?? throw new ModelLoadException("evaluate detect needs --coco instances.json."));
        var folder = settings.Images ?? throw new ModelLoadException("evaluate detect needs --images DIR.");
        await catalog.StartAsync(cancellationToken);
        await catalog.ExecuteTask!;
        var (entry, model) = catalog.Get<DetectRequest, DetectResult>("detect", settings.Model);
        var categories = CategoriesOf(entry.Loaded!.Labels, truth);

        var filter = new ScoreFilter((float)settings.MinScore);
        var maxIoU = (float)(settings.MaxIoU ?? entry.Loaded.Defaults.MaxIoU ?? UsualMaxIoU);
        var detections = new List<CocoDetection>();
        var bar = new ProgressBar(progress, truth.Images.Count);
        var done = 0;
        await Parallel.ForEachAsync(
            truth.Images,
            new ParallelOptions { MaxDegreeOfParallelism = model.Batching.Runners, CancellationToken = cancellationToken },
            async (image, token) =>
            {
                using var decoded = await ReadImageAsync(Path.Combine(folder, image.FileName), entry.Loaded.Geometry, token);
                var request = new DetectRequest(decoded, filter, entry.Loaded.Defaults.Suppression, maxIoU, MaxDetections);
                var (result, _) = await model.RunAsync(request, priority: 0, token);
                lock (detections)
                {
                    detections.AddRange(result.Objects
                        .Where(found => categories.ContainsKey(found.ClassId))
                        .Select(found => new CocoDetection(image.Id, categories[found.ClassId], found.Score, found.Box)));
                    bar.Show(++done);
                }
            });
        bar.End();
        Print(output, entry, truth, CocoEvaluator.Evaluate(truth, detections), settings, maxIoU);
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
            throw new ModelLoadException($"'{path}' cannot be read as COCO annotations: {exception.Message}", exception);
        }
    }

    private async Task<RgbImage> ReadImageAsync(string path, InputGeometry geometry, CancellationToken cancellationToken)
    {
        try
        {
            return decoder.Decode(
                await File.ReadAllBytesAsync(path, cancellationToken), size => geometry.NeededSize(size.Width, size.Height));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or VisionException)
        {
            throw new ModelLoadException($"The image '{path}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>COCO's category of each class: by name, or by order where no name fits and the numbers do.</summary>
    private static Dictionary<int, int> CategoriesOf(LabelList labels, CocoGroundTruth truth)
    {
        var byName = truth.Categories.ToDictionary(category => category.Name, category => category.Id, StringComparer.OrdinalIgnoreCase);
        var named = Enumerable.Range(0, labels.Count)
            .Where(id => byName.ContainsKey(labels.Names[id]))
            .ToDictionary(id => id, id => byName[labels.Names[id]]);
        if (named.Count == 0 && labels.Count == truth.Categories.Count)
        {
            var ids = truth.Categories.Select(category => category.Id).Order().ToArray();
            return Enumerable.Range(0, ids.Length).ToDictionary(id => id, id => ids[id]);
        }

        return named.Count > 0 ? named : throw new ModelLoadException(
            $"None of the model's {labels.Count} labels is a category of the annotations ({string.Join(", ", byName.Keys.Take(5))}, ...).");
    }

    private static void Print(
        TextWriter output, ModelEntry entry, CocoGroundTruth truth, CocoSummary summary, EvaluateOptions settings, float maxIoU)
    {
        static string Number(double value) => double.IsNaN(value) ? "    -" : value.ToString("F3", CultureInfo.InvariantCulture);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{entry.Name} on {truth.Images.Count} images, {truth.Annotations.Count} annotations; score >= {settings.MinScore}, IoU {maxIoU:F2}"));
        output.WriteLine();
        output.WriteLine($"{"category",-16} {"objects",7} {"AP",6} {"AP50",6} {"AR100",6}");
        foreach (var category in summary.Categories)
        {
            output.WriteLine(
                $"{category.Category.Name,-16} {category.AnnotationCount,7} {Number(category.AP),6} {Number(category.AP50),6} {Number(category.AR100),6}");
        }

        output.WriteLine();
        output.WriteLine(
            $"AP {Number(summary.AP)}  AP50 {Number(summary.AP50)}  AP75 {Number(summary.AP75)}  small {Number(summary.APSmall)}  medium {Number(summary.APMedium)}  large {Number(summary.APLarge)}  AR100 {Number(summary.AR100)}");
    }
}
