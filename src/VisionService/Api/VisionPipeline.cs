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
    public Func<Model<TRequest, TResult>, TRequest, Ticket, CancellationToken, Task<(TResult Result, StageTimings Timings)>> Run { get; init; }
        = static (model, request, ticket, cancellationToken) => model.RunAsync(request, ticket, cancellationToken);

    /// <summary>Whether the request needs every pixel, not just as many as the network sees.</summary>
    public Func<ParameterValues, bool> NeedsAllPixels { get; init; } = static _ => false;

    /// <summary>Draws an answer, onto its image or by itself, and encodes it; null where the task has no
    /// picture.</summary>
    public Func<RgbImage, TResult, LoadedModel, ParameterValues, PictureFormat, byte[]>? Draw { get; init; }
}

/// <summary>What a transport knows of a call beside what the call says.</summary>
/// <param name="Elapsed">What it has taken of its time already.</param>
/// <param name="Caller">Who shares the model with other callers, told apart by reference; null: the anonymous one.</param>
/// <param name="TimeLimit">How long it may take, from the same beginning; the shorter of this and <c>timeout_ms</c> counts.</param>
internal readonly record struct CallOrigin(TimeSpan Elapsed, object? Caller = null, TimeSpan? TimeLimit = null);

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

/// <summary>A call that was let in: its model, its images' places, and until when. Ended by disposal.</summary>
internal sealed class AdmittedCall<TRequest, TResult> : IDisposable
{
    // Who leaves without an answer was left by the caller.
    private int _status = StatusCodes.Status499ClientClosedRequest;
    private readonly Func<TimeSpan> _elapsed;
    private readonly Drain _drain;
    private readonly IDisposable _use;
    private readonly CancellationTokenSource _deadline;

    public AdmittedCall(
        VisionCall<TRequest, TResult> call,
        ParameterValues parameters,
        ModelEntry entry,
        Model<TRequest, TResult> model,
        Ticket[] tickets,
        Func<TimeSpan> elapsed,
        (Drain Drain, IDisposable Use, CancellationTokenSource Deadline) held)
    {
        (Call, Parameters, Entry, Model, Tickets, _elapsed) = (call, parameters, entry, model, tickets, elapsed);
        (_drain, _use, _deadline) = held;
    }

    public VisionCall<TRequest, TResult> Call { get; }

    public ParameterValues Parameters { get; }

    public ModelEntry Entry { get; }

    public Model<TRequest, TResult> Model { get; }

    /// <summary>One for each image.</summary>
    public IReadOnlyList<Ticket> Tickets { get; }

    /// <summary>Ends with the caller, or with the time it has.</summary>
    public CancellationToken Deadline => _deadline.Token;

    /// <summary>Notes how the call ended, for the figures.</summary>
    public void EndedWith(VisionError? error) => _status = error is { } known ? ProblemKind.Of(known).HttpStatus : StatusCodes.Status200OK;

    public void Dispose()
    {
        Telemetry.Request(Call.Task, Entry.Name, _status, _elapsed());
        foreach (var ticket in Tickets)
        {
            ticket.Dispose();
        }

        _deadline.Dispose();
        _use.Dispose();
        _drain.End();
    }
}

/// <summary>The straight line from encoded images to answers that every transport ends in.</summary>
internal sealed class VisionPipeline(
    ModelCatalog catalog, ImageDecoder decoder, Drain drain, TimeProvider time, IOptions<ApiOptions> options) : IDisposable
{
    // Cores are shared out by the model's gate; this bounds memory where an operator wants less of it.
    private readonly SemaphoreSlim? _decodes =
        options.Value.MaxConcurrentDecodes > 0 ? new(options.Value.MaxConcurrentDecodes) : null;

    /// <summary>Whether a call of one image would be refused now, and why: for those whose body is still to come. It takes
    /// no place, which a slow sender would keep from others.</summary>
    /// <inheritdoc cref="TryAdmit"/>
    public VisionException? RefusalOf<TRequest, TResult>(
        VisionCall<TRequest, TResult> call, ParameterValues parameters, long bytes, CallOrigin origin)
    {
        var entry = catalog.Get<TRequest, TResult>(call.Task, parameters.Text("model")).Entry;
        if (!drain.TryBegin())
        {
            return Refused(call.Task, entry.Name, Draining(entry.Name), origin.Elapsed);
        }

        drain.End();
        var urgency = UrgencyOf(parameters, origin).Urgency;
        return entry.Loaded!.Model.RefusalOf(images: 1, bytes, urgency) is { } refusal
            ? Refused(call.Task, entry.Name, refusal, origin.Elapsed)
            : null;
    }

    /// <summary>Waits until the model of a call is in memory, where it had made room for others; else not at all. Comes
    /// before anything below.</summary>
    /// <exception cref="VisionException">There is no such model, or it is not there in time.</exception>
    public ValueTask WakeAsync<TRequest, TResult>(
        VisionCall<TRequest, TResult> call,
        ParameterValues parameters,
        CallOrigin origin,
        CancellationToken cancellationToken) =>
        catalog.WakeAsync(call.Task, parameters.Text("model"), UrgencyOf(parameters, origin).Left, cancellationToken);

    /// <summary>Lets a call in, or says why not, before anything of it is decoded.</summary>
    /// <param name="images">How many it has.</param>
    /// <param name="bytes">What it holds in memory.</param>
    /// <param name="refusal">Why not, to be tried again later; not thrown here, where it may happen thousands of times a
    /// second.</param>
    /// <exception cref="VisionException">There is no such model, or it is not for this.</exception>
    public AdmittedCall<TRequest, TResult>? TryAdmit<TRequest, TResult>(
        VisionCall<TRequest, TResult> call,
        ParameterValues parameters,
        int images,
        long bytes,
        CallOrigin origin,
        CancellationToken cancellationToken,
        out VisionException? refusal)
    {
        var ((entry, model), use) = ModelCatalog.Use(
            () => catalog.Get<TRequest, TResult>(call.Task, parameters.Text("model")), static found => found.Entry.Loaded!);
        if (!drain.TryBegin())
        {
            use.Dispose();
            refusal = Refused(call.Task, entry.Name, Draining(entry.Name), origin.Elapsed);
            return null;
        }

        var begin = time.GetTimestamp();
        try
        {
            var (urgency, left) = UrgencyOf(parameters, origin);
            if (entry.Loaded!.Model.TryAdmit(images, bytes, urgency, out refusal) is { } tickets)
            {
                var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                deadline.CancelAfter(left);
                return new AdmittedCall<TRequest, TResult>(
                    call, parameters, entry, model, tickets, () => origin.Elapsed + time.GetElapsedTime(begin), (drain, use, deadline));
            }
        }
        catch
        {
            use.Dispose();
            drain.End();
            throw;
        }

        use.Dispose();
        drain.End();
        Refused(call.Task, entry.Name, refusal!, origin.Elapsed);
        return null;
    }

    /// <inheritdoc cref="TryAdmit"/>
    /// <exception cref="VisionException">It is not let in.</exception>
    public AdmittedCall<TRequest, TResult> Admit<TRequest, TResult>(
        VisionCall<TRequest, TResult> call,
        ParameterValues parameters,
        IReadOnlyList<SentImage> images,
        CallOrigin origin,
        CancellationToken cancellationToken) =>
        TryAdmit(call, parameters, images.Count, images.Sum(static image => image.Length), origin, cancellationToken, out var refusal)
            ?? throw refusal!;

    /// <param name="admitted">Stays the caller's.</param>
    /// <param name="images">As many as were let in.</param>
    /// <param name="picture">The form in which to draw the answers; null: not at all.</param>
    /// <exception cref="VisionException">The call as a whole fails; with one image, its problem too.</exception>
    public async Task<VisionAnswer<TResult>> RunAsync<TRequest, TResult>(
        AdmittedCall<TRequest, TResult> admitted,
        IReadOnlyList<SentImage> images,
        PictureFormat? picture,
        CancellationToken cancellationToken)
    {
        try
        {
            var answer = await AnswerAllAsync(admitted, images, picture, cancellationToken);
            admitted.EndedWith(null);
            return answer;
        }
        catch (VisionException exception)
        {
            admitted.EndedWith(exception.Error);
            throw;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            admitted.EndedWith(VisionError.InferenceFailed);
            throw;
        }
        finally
        {
            // The answer is made on a worker. What the transport does with it, even closing the service, must not hold one.
            await Task.Yield();
        }
    }

    public void Dispose() => _decodes?.Dispose();

    private static VisionException Draining(string model)
    {
        Telemetry.Rejected(model, "draining");
        return Drain.Refusal;
    }

    private static VisionException Refused(string task, string model, VisionException refusal, TimeSpan elapsed)
    {
        Telemetry.Request(task, model, ProblemKind.Of(refusal.Error).HttpStatus, elapsed);
        return refusal;
    }

    private (Urgency Urgency, TimeSpan Left) UrgencyOf(ParameterValues parameters, CallOrigin origin)
    {
        var timeout = TimeSpan.FromMilliseconds(
            parameters.Integer("timeout_ms", (int)options.Value.Timeout.TotalMilliseconds));
        timeout = origin.TimeLimit < timeout ? origin.TimeLimit.Value : timeout;
        var left = timeout > origin.Elapsed ? timeout - origin.Elapsed : TimeSpan.Zero;
        return (Urgency.Within(left, timeout, Urgency.ClassOf(parameters.Number("priority", 0)), time, origin.Caller), left);
    }

    private async Task<VisionAnswer<TResult>> AnswerAllAsync<TRequest, TResult>(
        AdmittedCall<TRequest, TResult> admitted,
        IReadOnlyList<SentImage> images,
        PictureFormat? picture,
        CancellationToken cancellationToken)
    {
        var run = new ImageRun<TRequest, TResult>(
            admitted,
            admitted.Call.Bind(admitted.Parameters, admitted.Entry.Loaded!),
            picture,
            picture is not null || admitted.Call.NeedsAllPixels(admitted.Parameters));
        if (images.Count == 1)
        {
            return new VisionAnswer<TResult>(admitted.Entry, [await AnswerAsync(run, images[0], admitted.Tickets[0], cancellationToken)]);
        }

        var answers = await Task.WhenAll(images.Zip(admitted.Tickets, (image, ticket) => Task.Run(
            async () =>
            {
                try
                {
                    return await AnswerAsync(run, image, ticket, cancellationToken);
                }
                catch (VisionException problem)
                {
                    return new ImageAnswer<TResult>(0, 0, default, default, default, problem);
                }
                finally
                {
                    ticket.Dispose();
                }
            },
            cancellationToken)));
        return new VisionAnswer<TResult>(admitted.Entry, answers);
    }

    private async Task<ImageAnswer<TResult>> AnswerAsync<TRequest, TResult>(
        ImageRun<TRequest, TResult> run, SentImage sent, Ticket ticket, CancellationToken cancellationToken)
    {
        var (call, entry, deadline) = (run.Admitted.Call, run.Admitted.Entry, run.Admitted.Deadline);
        var stage = "decode";
        try
        {
            var (image, decoded) = await DecodeAsync(sent, entry, run.NeedsAllPixels ? null : entry.Loaded!.Geometry, deadline);
            using (image)
            {
                stage = "preprocess";
                var (result, timings) = await call.Run(run.Admitted.Model, run.Bind(image), ticket, deadline);
                return new ImageAnswer<TResult>(image.SourceWidth, image.SourceHeight, result, decoded, timings)
                {
                    Picture = run.Picture is { } format ? Draw(run, image, result, format) : null,
                };
            }
        }
        catch (OperationCanceledException)
        {
            if (!ticket.WasQueued)
            {
                Telemetry.Cancelled(entry.Name, stage);
            }

            if (cancellationToken.IsCancellationRequested)
            {
                throw;
            }

            throw ticket.Urgency.Late(ticket.WasQueued ? "inference" : stage);
        }
    }

    private byte[] Draw<TRequest, TResult>(
        ImageRun<TRequest, TResult> run, RgbImage image, TResult result, PictureFormat format)
    {
        var start = time.GetTimestamp();
        var (call, entry) = (run.Admitted.Call, run.Admitted.Entry);
        var picture = call.Draw!(image, result, entry.Loaded!, run.Admitted.Parameters, format);
        Telemetry.Stage("encode", entry.Name, time.GetElapsedTime(start));
        return picture;
    }

    /// <summary>Decodes on a core of its own, on which what follows goes on.</summary>
    private async Task<(RgbImage Image, TimeSpan Duration)> DecodeAsync(
        SentImage sent, ModelEntry entry, InputGeometry? geometry, CancellationToken cancellationToken)
    {
        await (_decodes?.WaitAsync(cancellationToken) ?? Task.CompletedTask);
        try
        {
            await entry.Loaded!.Model.BeginAsync(cancellationToken);
            var start = time.GetTimestamp();
            var image = sent.Decode(decoder, geometry);
            var duration = time.GetElapsedTime(start);
            Telemetry.Stage("decode", entry.Name, duration);
            return (image, duration);
        }
        finally
        {
            _decodes?.Release();
        }
    }

    /// <summary>What all images of a call have in common.</summary>
    private sealed record ImageRun<TRequest, TResult>(
        AdmittedCall<TRequest, TResult> Admitted,
        Func<RgbImage, TRequest> Bind,
        PictureFormat? Picture,
        bool NeedsAllPixels);
}
