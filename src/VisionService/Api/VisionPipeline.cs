using System.Diagnostics;
using Microsoft.Extensions.Options;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Api;

/// <summary>What an endpoint adds to the pipeline: its task, its parameters, and how the two become a
/// request.</summary>
/// <param name="Bind">
/// Called once per call, so that a parameter which does not fit the model fails the call and not each image; the
/// function it gives makes one image's request.
/// </param>
internal sealed record VisionCall<TRequest, TResult>(
    string Task, ParameterTable Parameters, Func<ParameterValues, LoadedModel, Func<RgbImage, TRequest>> Bind)
{
    /// <summary>How one image's request is answered. Default: as one item.</summary>
    public Func<Model<TRequest, TResult>, TRequest, int, CancellationToken, Task<(TResult Result, StageTimings Timings)>> Run { get; init; }
        = static (model, request, priority, cancellationToken) => model.RunAsync(request, priority, cancellationToken);

    /// <summary>Whether the request needs every pixel, not just as many as the network sees.</summary>
    public Func<ParameterValues, bool> NeedsAllPixels { get; init; } = static _ => false;

    /// <summary>Draws an answer, onto its image or by itself, and encodes it; null where the task has no
    /// picture.</summary>
    public Func<RgbImage, TResult, LoadedModel, ParameterValues, PictureFormat, byte[]>? Draw { get; init; }
}

/// <summary>The forms of a drawn answer.</summary>
internal enum PictureFormat
{
    Jpeg,
    Png,
}

internal static class Pictures
{
    public static byte[] Encode(RgbImage image, PictureFormat format) => format == PictureFormat.Jpeg
        ? JpegEncoder.Encode(image)
        : PngEncoder.Encode(image.Pixels, image.Width, image.Height, PngColor.Rgb);
}

/// <summary>One image's answer: a result, or the problem with this image alone.</summary>
/// <param name="Width">Of the upright image, pixels.</param>
internal sealed record ImageAnswer<TResult>(
    int Width, int Height, TResult? Result, TimeSpan Decode, StageTimings Timings, VisionException? Problem = null)
{
    /// <summary>The answer drawn onto the image, encoded, where that was asked for.</summary>
    public byte[]? Picture { get; init; }
}

/// <summary>A call's answers, in the order of its images, and the model that gave them.</summary>
internal sealed record VisionAnswer<TResult>(ModelEntry Model, IReadOnlyList<ImageAnswer<TResult>> Images);

/// <summary>The straight line from encoded images to answers that every transport ends in.</summary>
internal sealed class VisionPipeline(ModelCatalog catalog, ImageDecoder decoder, IOptions<ApiOptions> options) : IDisposable
{
    private readonly SemaphoreSlim _decodes = new(
        options.Value.MaxConcurrentDecodes > 0 ? options.Value.MaxConcurrentDecodes : Environment.ProcessorCount);

    /// <param name="picture">The form in which to draw the answers; null: not at all.</param>
    /// <param name="elapsed">What the request has taken of its time already.</param>
    /// <param name="timeLimit">How long the transport lets the request take, from the same beginning; the shorter of this and
    /// <c>timeout_ms</c> counts.</param>
    /// <exception cref="VisionException">The call as a whole fails; with one image, its problem too.</exception>
    public async Task<VisionAnswer<TResult>> RunAsync<TRequest, TResult>(
        VisionCall<TRequest, TResult> call,
        IReadOnlyList<SentImage> images,
        ParameterValues parameters,
        PictureFormat? picture,
        TimeSpan elapsed,
        CancellationToken cancellationToken,
        TimeSpan? timeLimit = null)
    {
        var (entry, model) = catalog.Get<TRequest, TResult>(call.Task, parameters.Text("model"));
        using var use = entry.Loaded!.Use.Begin();
        var bind = call.Bind(parameters, entry.Loaded!);
        var priority = (int)Math.Round(parameters.Number("priority", 0) * 1000);
        var timeout = TimeSpan.FromMilliseconds(
            parameters.Integer("timeout_ms", (int)options.Value.Timeout.TotalMilliseconds));
        timeout = timeLimit < timeout ? timeLimit.Value : timeout;

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout > elapsed ? timeout - elapsed : TimeSpan.Zero);
        var item = new ImageRun<TRequest, TResult>(
            call, model, entry.Loaded!, bind, parameters, picture, picture is not null || call.NeedsAllPixels(parameters), priority, timeout, deadline.Token);
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
        ImageRun<TRequest, TResult> run, SentImage sent, CancellationToken cancellationToken)
    {
        var stage = "decode";
        try
        {
            var (image, decoded) = await DecodeAsync(sent, run.NeedsAllPixels ? null : run.Loaded.Geometry, run.Deadline);
            using (image)
            {
                stage = "inference";
                var (result, timings) = await run.Call.Run(run.Model, run.Bind(image), run.Priority, run.Deadline);
                return new ImageAnswer<TResult>(image.SourceWidth, image.SourceHeight, result, decoded, timings)
                {
                    Picture = run.Picture is { } format ? run.Call.Draw!(image, result, run.Loaded, run.Parameters, format) : null,
                };
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
        SentImage sent, InputGeometry? geometry, CancellationToken cancellationToken)
    {
        await _decodes.WaitAsync(cancellationToken);
        try
        {
            var start = Stopwatch.GetTimestamp();
            return (sent.Decode(decoder, geometry), Stopwatch.GetElapsedTime(start));
        }
        finally
        {
            _decodes.Release();
        }
    }

    /// <summary>What all images of a call have in common.</summary>
    private sealed record ImageRun<TRequest, TResult>(
        VisionCall<TRequest, TResult> Call,
        Model<TRequest, TResult> Model,
        LoadedModel Loaded,
        Func<RgbImage, TRequest> Bind,
        ParameterValues Parameters,
        PictureFormat? Picture,
        bool NeedsAllPixels,
        int Priority,
        TimeSpan Timeout,
        CancellationToken Deadline);
}
