using Microsoft.Extensions.Options;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Commands;

/// <summary>What all measurements share: waiting for the model and running it over images, as requests would.</summary>
internal sealed class EvaluationRun(ModelCatalog catalog, ImageDecoder decoder, IOptions<EvaluateOptions> options)
{
    public EvaluateOptions Settings => options.Value;

    /// <summary>Waits until the models are loaded and finds the one to measure.</summary>
    /// <exception cref="VisionException">There is none, it failed, or its task is another.</exception>
    public async Task<(ModelEntry Entry, Model<TRequest, TResult> Model)> LoadAsync<TRequest, TResult>(
        string task, CancellationToken cancellationToken)
    {
        await catalog.StartAsync(cancellationToken);
        await catalog.ExecuteTask!;
        return catalog.Get<TRequest, TResult>(task, Settings.Model);
    }

    /// <summary>Runs the model over all images, as many at a time as it takes, in no certain order.</summary>
    /// <param name="ask">The request for an image.</param>
    /// <param name="take">Gets each answer; one call at a time.</param>
    /// <exception cref="ModelLoadException">An image cannot be read.</exception>
    public async Task RunAsync<TItem, TRequest, TResult>(
        (ModelEntry Entry, Model<TRequest, TResult> Model) measured,
        IReadOnlyList<(string Path, TItem Item)> images,
        Func<TItem, RgbImage, TRequest> ask,
        Action<TItem, TResult> take,
        TextWriter progress,
        CancellationToken cancellationToken)
    {
        var (geometry, batching) = (measured.Entry.Loaded!.Geometry, measured.Model.Batching);
        var atATime = batching.Runners * batching.MaxBatchSize;
        var bar = new ProgressBar(progress, images.Count);
        var done = 0;
        try
        {
            await Parallel.ForEachAsync(
                images,
                new ParallelOptions { MaxDegreeOfParallelism = atATime, CancellationToken = cancellationToken },
                async (image, token) =>
                {
                    using var decoded = await ReadAsync(image.Path, geometry, token);
                    using var ticket = Ticket.WithoutPlace();
                    var (result, _) = await measured.Model.RunAsync(ask(image.Item, decoded), ticket, token);
                    lock (bar)
                    {
                        take(image.Item, result);
                        bar.Show(++done);
                    }
                });
        }
        finally
        {
            // The last answer was taken on a worker, which must be free when the service ends behind this.
            await Task.Yield();
        }

        bar.End();
    }

    private async Task<RgbImage> ReadAsync(string path, InputGeometry geometry, CancellationToken cancellationToken)
    {
        try
        {
            var encoded = await File.ReadAllBytesAsync(path, cancellationToken);
            return decoder.Decode(encoded, size => geometry.NeededSize(size.Width, size.Height));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or VisionException)
        {
            throw new ModelLoadException($"The image '{path}' cannot be read: {exception.Message}", exception);
        }
    }
}
