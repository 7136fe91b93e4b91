using VisionService.Classification;
using VisionService.Detection;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Segmentation;

namespace VisionService.Repository;

/// <summary>What <c>vision.yaml</c> says under <c>golden</c>.</summary>
/// <param name="Tolerance">How far a score, or a class's share of the pixels, may lie off; 0-1.</param>
internal sealed record ManifestGolden(double Tolerance)
{
    public const double DefaultTolerance = 0.02;

    public static ManifestGolden Read(YamlSection yaml)
    {
        var golden = new ManifestGolden(yaml.Number("tolerance", 0, 1) ?? DefaultTolerance);
        yaml.End();
        return golden;
    }
}

/// <summary>
/// The pictures beside a model whose answers are known: <c>samples/x.jpg</c> and, as the REST endpoint of the model's task
/// answers it, <c>expected/x.json</c>. A model that answers them otherwise is not served. A picture without an answer must
/// only be answered.
/// </summary>
internal sealed class GoldenSamples(ImageDecoder decoder, TimeProvider time)
{
    private const int MaxSamples = 100;
    private const int MaxDetections = 300;

    private static readonly TimeSpan LongestRun = TimeSpan.FromMinutes(1);

    private static readonly string[] Pictures = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"];

    /// <exception cref="ModelLoadException">With the sample, what was expected and what was found.</exception>
    public async Task CheckAsync(ModelFiles files, LoadedModel loaded)
    {
        if (Folder(files, "samples") is not { } samples)
        {
            return;
        }

        // 1. Pictures and answers, by the same name.
        string[] pictures = [.. Directory.EnumerateFiles(samples).Where(IsPicture).Order(StringComparer.Ordinal)];
        if (pictures.Length > MaxSamples)
        {
            throw new ModelLoadException($"samples holds {pictures.Length} pictures; at most {MaxSamples} are run.");
        }

        var answers = Folder(files, "expected") is not { } expected ? []
            : Directory.EnumerateFiles(expected, "*.json").ToDictionary(static path => Path.GetFileNameWithoutExtension(path)!);
        var stems = pictures.Select(static path => Path.GetFileNameWithoutExtension(path)!);
        if (answers.Keys.Except(stems).Order(StringComparer.Ordinal).FirstOrDefault() is { } lonely)
        {
            throw new ModelLoadException($"expected/{lonely}.json has no picture in samples.");
        }

        // 2. Through the model as it will serve.
        var tolerance = files.Manifest is null ? ManifestGolden.DefaultTolerance : Manifest.Read(files.Manifest).Golden.Tolerance;
        foreach (var picture in pictures)
        {
            var name = $"samples/{Path.GetFileName(picture)}";
            var found = await RunAsync(loaded, picture, name, files.Folder!);
            if (answers.GetValueOrDefault(Path.GetFileNameWithoutExtension(picture)) is { } path)
            {
                var golden = GoldenAnswer.Read(path, files.Folder!, loaded.Labels);
                if (golden.MismatchWith(found, tolerance) is { } mismatch)
                {
                    throw new ModelLoadException($"{name} is not answered as expected/{Path.GetFileName(path)} says: {mismatch}");
                }
            }
        }
    }

    private static bool IsPicture(string path) => Pictures.Contains(Path.GetExtension(path).ToLowerInvariant());

    /// <summary>Beside the graph of the version, else in the model's folder; a file among others has none.</summary>
    private static string? Folder(ModelFiles files, string name) => files.Folder is null ? null
        : new[] { Path.GetDirectoryName(files.Onnx)!, files.Folder }
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(Directory.Exists);

    private async Task<FoundAnswer> RunAsync(LoadedModel loaded, string picture, string name, string folder)
    {
        if (!SideFiles.SideText.IsInside(picture, folder))
        {
            throw new ModelLoadException($"{name} is a link that leads out of the model's folder.");
        }

        try
        {
            using var image = decoder.Decode(
                await File.ReadAllBytesAsync(picture), size => loaded.Geometry.NeededSize(size.Width, size.Height));
            using var deadline = new CancellationTokenSource(LongestRun, time);
            return await RunAsync(loaded, image, deadline.Token);
        }
        catch (Exception exception) when (exception is VisionException or IOException or UnauthorizedAccessException)
        {
            throw new ModelLoadException($"{name} cannot be answered: {exception.Message}", exception);
        }
        catch (OperationCanceledException exception)
        {
            throw new ModelLoadException($"{name} was not answered within {LongestRun.TotalSeconds:F0} s.", exception);
        }
        finally
        {
            // The answer is made on a worker, which what follows, even closing the model, must not hold.
            await Task.Yield();
        }
    }

    private static async Task<FoundAnswer> RunAsync(LoadedModel loaded, RgbImage image, CancellationToken cancellationToken)
    {
        var (labels, defaults) = (loaded.Labels, loaded.Defaults);
        using var ticket = Ticket.WithoutPlace();
        switch (loaded.Tasks.Count == 0 ? null : loaded.Tasks[0])
        {
            case Model<ClassifyRequest, ClassifyResult> model:
                var (classes, _) = await model.RunAsync(new ClassifyRequest(image, TopK: int.MaxValue), ticket, cancellationToken);
                return new FoundAnswer(labels, 0, [.. classes.Predictions.Select(static found => new FoundThing(found.ClassId, found.Score))]);

            case Model<DetectRequest, DetectResult> model:
                var minScore = (float)(defaults.MinScore ?? DetectRequest.DefaultMinScore);
                var request = new DetectRequest(
                    image,
                    new ScoreFilter(
                        minScore,
                        labels.Count,
                        minScoreByClass: defaults.MinScoreByLabel.ToDictionary(pair => labels.Resolve([pair.Key]).Single(), static pair => (float)pair.Value)),
                    defaults.Suppression,
                    (float)(defaults.MaxIoU ?? DetectRequest.DefaultMaxIoU),
                    MaxDetections);
                var (objects, _) = await model.RunAsync(request, ticket, cancellationToken);
                return new FoundAnswer(labels, minScore, [.. objects.Objects.Select(static found => new FoundThing(found.ClassId, found.Score, found.Box))]);

            case Model<SegmentRequest, SegmentResult> model:
                var (pixels, _) = await model.RunAsync(new SegmentRequest(image, null, null, null, MaxDetections), ticket, cancellationToken);
                return Found(pixels, loaded, (image.SourceWidth, image.SourceHeight));

            default:
                throw new ModelLoadException($"Golden samples are for models that take images; this one is for {loaded.Task}.");
        }
    }

    private static FoundAnswer Found(SegmentResult result, LoadedModel loaded, (int Width, int Height) size)
    {
        if (result.Map is { } map)
        {
            var pixels = map.CountPixels(map.CountIds(loaded.Labels.Count));
            return new FoundAnswer(loaded.Labels, 0,
            [
                .. Enumerable.Range(0, pixels.Length).Where(id => pixels[id] > 0).Select(id => new FoundThing(
                    id,
                    (double)pixels[id] / map.Ids.Length,
                    Mask: () => RleMask.Encode(InstanceMask.Of(map, (ushort)id), map.Width, map.Height))),
            ]);
        }

        return new FoundAnswer(
            loaded.Labels,
            loaded.Defaults.MinScore ?? DetectRequest.DefaultMinScore,
            [
                .. result.Objects!.Select(found => new FoundThing(
                    found.ClassId,
                    found.Score,
                    new Box(found.Box.XMin, found.Box.YMin, found.Box.XMax, found.Box.YMax),
                    () => RleMask.Encode(found.Mask, size.Width, size.Height))),
            ]);
    }
}
