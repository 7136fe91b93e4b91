using System.Globalization;
using VisionService.Inference;
using VisionService.Repository;
using VisionService.Segmentation;

namespace VisionService.Commands;

/// <summary>
/// <c>evaluate segment</c>: runs a model over images, the way a request would, compares its maps with label maps pixel
/// by pixel and prints IoU and accuracy.
/// </summary>
/// <remarks>The label maps are the set: one without image is an error, an image without one is not measured.</remarks>
internal sealed class EvaluateSegment(EvaluationRun run)
{
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"];

    /// <returns>The process' exit code.</returns>
    /// <exception cref="ModelLoadException">A file is missing or cannot be read, or sizes differ.</exception>
    /// <exception cref="VisionException">There is no such model or class.</exception>
    public async Task<int> RunAsync(TextWriter output, TextWriter progress, CancellationToken cancellationToken)
    {
        var settings = run.Settings;
        var pairs = Pairs(
            settings.Images ?? throw new ModelLoadException("evaluate segment needs --images DIR."),
            settings.LabelMaps ?? throw new ModelLoadException("evaluate segment needs --label-maps DIR."));
        var model = await run.LoadAsync<SegmentRequest, SegmentResult>("segment", cancellationToken);
        var labels = model.Entry.Loaded!.Labels;
        var classOf = LabelMapping.ClassOf(settings.Map, labels, settings.Void);
        var countsAs = LabelMapping.CountsAs(settings.Merge, labels);

        var (matrix, pixels) = (new ConfusionMatrix(labels.Count), 0L);
        await run.RunAsync(
            model,
            pairs,
            static (_, image) => new SegmentRequest(image, null, null, null, MaxDetections: 0),
            (labelMap, result) =>
            {
                var map = result.Map ?? throw new ModelLoadException(
                    $"Model '{model.Entry.Name}' finds objects; evaluate detect measures their masks.");
                var truth = MustFit(LabelImage.Read(labelMap), map, labelMap);
                Merge(map, countsAs);
                matrix.Add(map, truth.Values, classOf);
                pixels += truth.Values.Length;
            },
            progress,
            cancellationToken);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{model.Entry.Name} on {pairs.Length} images; "
            + $"{100.0 * matrix.Total / pixels:F1} % of {pixels} pixels labelled"));
        Print(output, matrix, labels);
        return 0;
    }

    /// <summary>Each label map with the image of its name.</summary>
    private static (string Image, string LabelMap)[] Pairs(string images, string labelMaps)
    {
        var ofStem = Files(images)
            .Where(static file => Extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase))
            .ToLookup(static file => Path.GetFileNameWithoutExtension(file), StringComparer.Ordinal);
        var pairs = Files(labelMaps)
            .Where(static file => Path.GetExtension(file).Equals(".png", StringComparison.OrdinalIgnoreCase))
            .Select(file => (ImageOf(file), file))
            .ToArray();
        return pairs.Length > 0
            ? pairs
            : throw new ModelLoadException($"There are no label maps (*.png) in '{labelMaps}'.");

        string ImageOf(string labelMap)
        {
            var stem = Path.GetFileNameWithoutExtension(labelMap);
            return ofStem[stem].ToArray() switch
            {
                [var image] => image,
                [] => throw new ModelLoadException(
                    $"There is no image '{stem}' in '{images}' for the label map '{labelMap}'."),
                [var one, var other, ..] => throw new ModelLoadException(
                    $"Both '{one}' and '{other}' could belong to the label map '{labelMap}'."),
            };
        }
    }

    private static IEnumerable<string> Files(string folder)
    {
        try
        {
            return Directory.GetFiles(folder).Order(StringComparer.Ordinal);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelLoadException($"The folder '{folder}' cannot be read: {exception.Message}", exception);
        }
    }

    private static LabelImage MustFit(LabelImage truth, LabelMap map, string path) =>
        (truth.Width, truth.Height) == (map.Width, map.Height) ? truth : throw new ModelLoadException(
            $"The label map '{path}' is {truth.Width} x {truth.Height} pixels; "
            + $"its image is {map.Width} x {map.Height}.");

    private static void Merge(LabelMap map, ushort[] countsAs)
    {
        foreach (ref var id in map.Ids.AsSpan())
        {
            id = id < countsAs.Length ? countsAs[id] : id;
        }
    }

    private static void Print(TextWriter output, ConfusionMatrix matrix, LabelList labels)
    {
        static string Number(double value) =>
            double.IsNaN(value) ? "    -" : value.ToString("F3", CultureInfo.InvariantCulture);
        output.WriteLine();
        output.WriteLine($"{"class",-16} {"pixels",12} {"IoU",6}");
        for (var id = 0; id < matrix.Classes; id++)
        {
            if (double.IsFinite(matrix.IoU(id)))
            {
                // The column beyond the classes: pixels that were taken for none of them.
                var pixels = Enumerable.Range(0, matrix.Classes + 1).Sum(predicted => matrix[id, predicted]);
                output.WriteLine($"{labels.NameOf(id),-16} {pixels,12} {Number(matrix.IoU(id)),6}");
            }
        }

        output.WriteLine();
        output.WriteLine(
            $"mIoU {Number(matrix.MeanIoU)}  pixel accuracy {Number(matrix.PixelAccuracy)}  "
            + $"frequency-weighted IoU {Number(matrix.FrequencyWeightedIoU)}");
    }
}
