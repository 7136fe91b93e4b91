using System.Diagnostics;
using Microsoft.Extensions.Options;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Api;

/// <summary>What an endpoint adds to the pipeline: its task, its parameters, and how the two become a request.</summary>
/// <param name="Bind">
/// Called once per call, so that a parameter which does not fit the model fails the call and not each image; the function
/// it gives makes one image's request.
/// </param>
internal sealed record VisionCall<TRequest, TResult>(
    string Task, ParameterTable Parameters, Func<ParameterValues, LoadedModel, Func<RgbImage, TRequest>> Bind);

/// <summary>One image's answer: a result, or the problem with this image alone.</summary>
/// <param name="Width">Of the upright image, pixels.</param>
internal sealed record ImageAnswer<TResult>(
    int Width, int Height, TResult? Result, TimeSpan Decode, StageTimings Timings, VisionException? Problem = null);

/// <summary>A call's answers, in the order of its images, and the model that gave them.</summary>
internal sealed record VisionAnswer<TResult>(ModelEntry Model, IReadOnlyList<ImageAnswer<TResult>> Images);

/// <summary>The straight line from encoded images to answers that every transport ends in.</summary>
internal sealed class VisionPipeline(ModelCatalog catalog, ImageDecoder decoder, IOptions<ApiOptions> options) : IDisposable
{
    private readonly SemaphoreSlim _decodes = new(
        options.Value.MaxConcurrentDecodes > 0 ? options.Value.MaxConcurrentDecodes : Environment.ProcessorCount);

    /// <param name="elapsed">What the request has taken of its time already.</param>
    /// <exception cref="VisionException">The call as a whole fails; with one image, its problem too.</exception>
    public async Task<VisionAnswer<TResult>> RunAsync<TRequest, TResult>(
        VisionCall<TRequest, TResult> call,
        IReadOnlyList<EncodedImage> images,
        ParameterValues parameters,
        TimeSpan elapsed,
        CancellationToken cancellationToken)
    {
        var (entry, model) = catalog.Get<TRequest, TResult>(call.Task, parameters.Text("model"));
        var bind = call.Bind(parameters, entry.Loaded!);
        var priority = (int)Math.Round(parameters.Number("priority", 0) * 1000);
        var timeout = TimeSpan.FromMilliseconds(
            parameters.Integer("timeout_ms", (int)options.Value.Timeout.TotalMilliseconds));

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout > elapsed ? timeout - elapsed : TimeSpan.Zero);
        var item = new ImageRun<TRequest, TResult>(model, entry.Loaded!.Geometry, bind, priority, timeout, deadline.Token);
        if (images.Count == 1)
        {
            return new VisionAnswer<TResult>(entry, [await AnswerAsync(item, images[0], cancellationToken)]);
        }

        var answers = await Task.WhenAll(images.Select(image => Task.Run(
            async () =>
            {
                try
                {
                    return await AnswerAsync(item, image, cancellationToken);
                }
                catch (VisionException problem)
                {
                    return new ImageAnswer<TResult>(0, 0, default, default, default, problem);
                }
            },
            cancellationToken)));
        return new VisionAnswer<TResult>(entry, answers);
    }

    public void Dispose() => _decodes.Dispose();

    private async Task<ImageAnswer<TResult>> AnswerAsync<TRequest, TResult>(
        ImageRun<TRequest, TResult> run, EncodedImage encoded, CancellationToken cancellationToken)
    {
        var stage = "decode";
        try
        {
            var (image, decoded) = await DecodeAsync(encoded, run.Geometry, run.Deadline);
            using (image)
            {
                stage = "inference";
                var (result, timings) = await run.Model.RunAsync(run.Bind(image), run.Priority, run.Deadline);
                return new ImageAnswer<TResult>(image.SourceWidth, image.SourceHeight, result, decoded, timings);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new VisionException(
                VisionError.DeadlineExceeded,
                $"The answer was not there within {run.Timeout.TotalMilliseconds:F0} ms; the request was in stage '{stage}'.");
        }
    }

    private async Task<(RgbImage Image, TimeSpan Duration)> DecodeAsync(
        EncodedImage encoded, InputGeometry geometry, CancellationToken cancellationToken)
    {
        await _decodes.WaitAsync(cancellationToken);
        try
        {
            var start = Stopwatch.GetTimestamp();
            return (decoder.Decode(encoded.Bytes.Span, source => geometry.NeededSize(source.Width, source.Height)), Stopwatch.GetElapsedTime(start));
        }
        finally
        {
            _decodes.Release();
        }
    }

    private sealed record ImageRun<TRequest, TResult>(
        Model<TRequest, TResult> Model,
        InputGeometry Geometry,
        Func<RgbImage, TRequest> Bind,
        int Priority,
        TimeSpan Timeout,
        CancellationToken Deadline);
}
