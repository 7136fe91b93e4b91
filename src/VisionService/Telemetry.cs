using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace VisionService;

/// <summary>
/// What the service tells of itself: instruments and spans under the names of the API, whoever listens. Durations are in
/// seconds, as OpenTelemetry has them.
/// </summary>
internal static class Telemetry
{
    public const string Name = "VisionService";

    /// <summary>The buckets of everything that is measured in seconds.</summary>
    public static readonly IReadOnlyList<double> SecondsBoundaries = [.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];

    private static readonly Meter Meter = new(Name);

    private static readonly InstrumentAdvice<double> Seconds = new() { HistogramBucketBoundaries = SecondsBoundaries };

    private static readonly Histogram<double> RequestDuration = Meter.CreateHistogram(
        "vision.request.duration", "s", "From the first byte read to the answer.", null, Seconds);

    private static readonly Histogram<double> StageDuration = Meter.CreateHistogram(
        "vision.stage.duration", "s", "One image in one stage.", null, Seconds);

    private static readonly Histogram<int> BatchSize = Meter.CreateHistogram(
        "vision.batch.size", "{image}", "Images of one run.", null, new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64] });

    private static readonly Counter<long> BatchRelease = Meter.CreateCounter<long>(
        "vision.batch.release", "{batch}", "Batches closed, and why.");

    private static readonly UpDownCounter<long> QueueLength = Meter.CreateUpDownCounter<long>(
        "vision.queue.length", "{image}", "Images that wait for a run.");

    private static readonly Gauge<double> PredictedWaitGauge = Meter.CreateGauge<double>(
        "vision.queue.predicted_wait", "s", "How long a newcomer would wait for its run.");

    private static readonly Counter<long> RejectedCounter = Meter.CreateCounter<long>(
        "vision.rejected", "{request}", "Requests refused before anything was decoded.");

    private static readonly Counter<long> CancelledCounter = Meter.CreateCounter<long>(
        "vision.cancelled", "{image}", "Images whose caller went, or whose time was over.");

    private static readonly Histogram<double> ModelLoadDuration = Meter.CreateHistogram(
        "vision.model.load.duration", "s", "From the file to a warm session.", null, Seconds);

    private static readonly UpDownCounter<long> SessionBusyCounter = Meter.CreateUpDownCounter<long>(
        "vision.session.busy", "{run}", "Runs under way.");

    /// <summary>The spans of requests and batches.</summary>
    public static ActivitySource Source { get; } = new(Name);

    /// <param name="code">The HTTP status, also where gRPC's was answered for it.</param>
    public static void Request(string task, string model, int code, TimeSpan duration) => RequestDuration.Record(
        duration.TotalSeconds, new("task", task), new("model", model), new("code", code));

    /// <summary>A stage of one image that has ended: in the histogram, and as a span under the request's.</summary>
    /// <param name="stage">decode, preprocess, queue, inference, postprocess or encode.</param>
    /// <param name="ago">How long ago it ended.</param>
    public static void Stage(string stage, string model, TimeSpan duration, TimeSpan ago = default)
    {
        StageDuration.Record(duration.TotalSeconds, new("stage", stage), new("model", model));
        if (Activity.Current is { } request && Source.HasListeners())
        {
            var end = TimeProvider.System.GetUtcNow() - ago; // spans are of the world's clock, whatever drives the service
            using var span = Source.StartActivity(stage, ActivityKind.Internal, request.Context, startTime: end - duration);
            span?.SetTag("vision.model", model);
            span?.SetEndTime(end.UtcDateTime);
        }
    }

    /// <summary>A batch that is about to run, as a span of its own linked to its members; null where nobody
    /// listens.</summary>
    public static Activity? Batch(string model, int size, string reason, IEnumerable<ActivityContext> members)
    {
        BatchSize.Record(size, new KeyValuePair<string, object?>("model", model));
        BatchRelease.Add(1, new("model", model), new("reason", reason));
        if (!Source.HasListeners())
        {
            return null;
        }

        var links = members.Where(static context => context != default).Select(static context => new ActivityLink(context)).ToArray();
        var span = Source.StartActivity("batch", ActivityKind.Internal, parentContext: default, links: links);
        span?.SetTag("vision.model", model).SetTag("vision.batch.size", size);
        return span;
    }

    public static void Queued(string model, int change) => QueueLength.Add(change, new KeyValuePair<string, object?>("model", model));

    public static void PredictedWait(string model, Func<TimeSpan> wait)
    {
        if (PredictedWaitGauge.Enabled)
        {
            PredictedWaitGauge.Record(wait().TotalSeconds, new KeyValuePair<string, object?>("model", model));
        }
    }

    /// <param name="reason">The bound that was reached: count, bytes, wait, deadline or draining.</param>
    public static void Rejected(string model, string reason) => RejectedCounter.Add(1, new("model", model), new("reason", reason));

    /// <param name="stage">Where the image was: decode, preprocess, queue or inference.</param>
    public static void Cancelled(string model, string stage) => CancelledCounter.Add(1, new("model", model), new("stage", stage));

    public static void Loaded(string model, TimeSpan duration) =>
        ModelLoadDuration.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("model", model));

    public static void SessionBusy(string model, int change) => SessionBusyCounter.Add(change, new KeyValuePair<string, object?>("model", model));
}
