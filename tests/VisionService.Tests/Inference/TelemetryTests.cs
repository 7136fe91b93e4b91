using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace VisionService.Tests.Inference;

/// <summary>What the service tells of itself: the names are a contract with whoever draws them.</summary>
public sealed class TelemetryTests(TelemetryScenario told) : IClassFixture<TelemetryScenario>
{
    [Theory]
    [InlineData("vision.request.duration", "s", "code,model,task")]
    [InlineData("vision.stage.duration", "s", "model,stage")]
    [InlineData("vision.batch.size", "{image}", "model")]
    [InlineData("vision.batch.release", "{batch}", "model,reason")]
    [InlineData("vision.queue.length", "{image}", "model")]
    [InlineData("vision.queue.predicted_wait", "s", "model")]
    [InlineData("vision.rejected", "{request}", "model,reason")]
    [InlineData("vision.cancelled", "{image}", "model,stage")]
    [InlineData("vision.model.load.duration", "s", "model")]
    [InlineData("vision.session.busy", "{run}", "model")]
    public void Every_instrument_is_recorded_with_its_unit_and_tags(string name, string unit, string tags)
    {
        var measurements = told.Of(name);
        Assert.NotEmpty(measurements);
        Assert.All(measurements, measurement => Assert.Equal(
            (unit, tags), (measurement.Unit, string.Join(',', measurement.Tags.Keys.Order(StringComparer.Ordinal)))));
    }

    [Fact]
    public void There_is_no_instrument_without_a_test() => Assert.Equal(
        typeof(TelemetryTests).GetMethod(nameof(Every_instrument_is_recorded_with_its_unit_and_tags))!
            .GetCustomAttributes(typeof(InlineDataAttribute), inherit: false)
            .Select(static row => (string)((InlineDataAttribute)row).Data[0]!).Order(StringComparer.Ordinal),
        told.Instruments.Order(StringComparer.Ordinal));

    [Fact]
    public void Every_request_is_counted_with_its_status()
    {
        var requests = told.Of("vision.request.duration");
        Assert.All(requests, static request => Assert.Equal("classify", request.Tags["task"]));
        Assert.All(requests, static request => Assert.InRange(request.Value, 0, 600));
        Assert.Equal(
            told.Statuses.GroupBy(static status => status)
                .ToDictionary(static status => status.Key, static status => status.Count()),
            requests.GroupBy(static request => (int)request.Tags["code"]!)
                .ToDictionary(static status => status.Key, static status => status.Count()));
        Assert.Equal([200, 499, 503, 504], told.Statuses.Distinct().Order());
    }

    [Fact]
    public void Every_image_that_was_answered_went_through_every_stage()
    {
        var answered = told.Statuses.Count(static status => status == 200);
        var stages = told.Of("vision.stage.duration").ToLookup(static stage => (string)stage.Tags["stage"]!);
        Assert.Equal(
            ["decode", "inference", "postprocess", "preprocess", "queue"],
            stages.Select(static stage => stage.Key).Order(StringComparer.Ordinal));
        Assert.All(["inference", "postprocess", "queue"], stage => Assert.Equal(answered, stages[stage].Count()));

        // Those whose time was over, and those that hung up, had begun.
        Assert.All(["decode", "preprocess"], stage => Assert.InRange(stages[stage].Count(), answered, answered + told.Ended));
        Assert.All(stages, static stage => Assert.All(stage, static image => Assert.InRange(image.Value, 0, 600)));
    }

    [Fact]
    public void The_sizes_of_the_batches_sum_up_to_the_images_that_were_run()
    {
        var queued = told.Of("vision.queue.length").Count(static change => change.Value > 0);
        var left = told.Of("vision.cancelled").Count(static image => (string)image.Tags["stage"]! != "inference");
        var sizes = told.Of("vision.batch.size");
        Assert.Equal(queued - left, sizes.Sum(static batch => batch.Value));
        Assert.All(sizes, static batch => Assert.InRange(batch.Value, 1, 2));
        Assert.Equal(sizes.Length, told.Of("vision.batch.release").Sum(static batch => batch.Value));
        Assert.All(
            told.Of("vision.batch.release"),
            static batch => Assert.Contains(
                (string)batch.Tags["reason"]!, (string[])["idle", "full", "delay", "deadline", "retry"]));
    }

    [Fact]
    public void The_queue_and_the_runners_end_empty()
    {
        foreach (var level in new[] { "vision.queue.length", "vision.session.busy" })
        {
            var changes = told.Of(level);
            Assert.Contains(changes, static change => change.Value == 1);
            Assert.Equal(0, changes.Sum(static change => change.Value));
        }

        Assert.Contains(told.Of("vision.queue.predicted_wait"), static wait => wait.Value > 0);
        Assert.Equal(0, told.Of("vision.queue.predicted_wait")[^1].Value);
    }

    [Fact]
    public void Every_refusal_is_counted_with_its_bound()
    {
        var rejected = told.Of("vision.rejected");
        Assert.Equal(told.Statuses.Count(static status => status == 503), rejected.Sum(static request => request.Value));
        Assert.All(rejected, static request => Assert.Equal("count", request.Tags["reason"]));
    }

    [Fact]
    public void Every_image_that_nobody_waits_for_is_counted_once_with_its_stage()
    {
        var cancelled = told.Of("vision.cancelled");
        Assert.Equal(told.Ended, cancelled.Sum(static image => image.Value));
        Assert.All(
            cancelled,
            static image => Assert.Contains((string)image.Tags["stage"]!, (string[])["decode", "preprocess", "queue", "inference"]));
        Assert.Contains(cancelled, static image => (string)image.Tags["stage"]! == "inference");
        Assert.Contains(cancelled, static image => (string)image.Tags["stage"]! != "inference");
    }

    [Fact]
    public void The_model_was_loaded_once() =>
        Assert.InRange(Assert.Single(told.Of("vision.model.load.duration")).Value, 1e-6, 600);

    [Fact]
    public void The_stages_are_spans_under_the_requests()
    {
        var request = Assert.Single(told.Spans, span => span.TraceId == told.Traced && span.Kind == ActivityKind.Server);
        var stages = told.Spans.Where(span => span.TraceId == told.Traced && span.Source.Name == "VisionService").ToArray();
        Assert.Equal(
            ["decode", "preprocess", "queue", "inference", "postprocess"],
            stages.OrderBy(static span => span.StartTimeUtc + span.Duration).Select(static span => span.OperationName));
        Assert.All(stages, stage =>
        {
            Assert.Equal(request.SpanId, stage.ParentSpanId);
            Assert.Equal(told.Model, stage.GetTagItem("vision.model"));
        });
    }

    [Fact]
    public void A_batch_is_a_span_of_its_own_with_a_link_to_each_member()
    {
        var batches = told.Spans.Where(
            span => span.OperationName == "batch" && (string?)span.GetTagItem("vision.model") == told.Model).ToArray();
        Assert.All(batches, static batch => Assert.Equal(default, batch.ParentSpanId));
        Assert.All(batches, static batch => Assert.Equal((int)batch.GetTagItem("vision.batch.size")!, batch.Links.Count()));
        var links = batches.SelectMany(static batch => batch.Links).Where(link => link.Context.TraceId == told.Traced);
        var request = Assert.Single(told.Spans, span => span.TraceId == told.Traced && span.Kind == ActivityKind.Server);
        Assert.Equal(request.SpanId, Assert.Single(links).Context.SpanId);
    }
}

/// <summary>A service with one slow model and all that it told while it answered, refused, and was left.</summary>
public sealed class TelemetryScenario : IAsyncLifetime
{
    private readonly Lock _lock = new();
    private readonly List<Measurement> _measurements = [];
    private readonly ConcurrentBag<string> _instruments = [];
    private readonly ConcurrentBag<Activity> _spans = [];
    private readonly SemaphoreSlim _measured = new(0);
    private readonly MeterListener _meters = new();
    private readonly ActivityListener _activities = new();
    private TestService _service = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>No other test's: instruments are the process's.</summary>
    public string Model { get; } = $"told-{Guid.NewGuid():N}";

    /// <summary>The trace of one request that was answered.</summary>
    public ActivityTraceId Traced { get; } = ActivityTraceId.CreateRandom();

    /// <summary>How the requests ended; 499: its caller hung up.</summary>
    public List<int> Statuses { get; } = [];

    /// <summary>Requests whose time was over or whose caller hung up.</summary>
    public int Ended => Statuses.Count(static status => status is 499 or 504);

    public IReadOnlyCollection<string> Instruments => [.. _instruments];

    public IReadOnlyCollection<Activity> Spans => [.. _spans];

    public async ValueTask InitializeAsync()
    {
        Listen();
        using (new Activity("whoever loads the model").Start())
        {
            _service = await TestService.StartAsync(
                new ModelFolder().Add(Model, TinyModels.Slow(rounds: 1500), "input: {preset: unit}", ModelFolder.ColorLabels),
                "--instances", "1", "--max-batch-size", "2", "--max-queue-size", "2");
        }

        // 1. Answered: three times, and once with a trace.
        for (var i = 0; i < 3; i++)
        {
            await PostAsync(Photos.Black);
        }

        await PostAsync(Photos.Black, traceparent: $"00-{Traced}-{ActivitySpanId.CreateRandom()}-01");

        // 2. Refused: more than run and wait.
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => PostAsync(Photos.White)));

        // 3. Too late, in its run or before.
        await PostAsync(Photos.White, "&timeout_ms=1");

        // 4. One caller hangs up while its image runs, another while it waits behind that.
        using var leaving = new CancellationTokenSource();
        var running = PostAsync(Photos.White, cancellation: leaving.Token);
        await UntilAsync(() => Level("vision.session.busy") == 1);
        var waiting = PostAsync(Photos.White, cancellation: leaving.Token);
        await UntilAsync(() => Level("vision.queue.length") == 1);
        await leaving.CancelAsync();
        await Task.WhenAll(running, waiting);
        await UntilAsync(() => Level("vision.session.busy") == 0 && Of("vision.request.duration").Length == Statuses.Count);
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        _meters.Dispose();
        _activities.Dispose();
        _measured.Dispose();
    }

    internal Measurement[] Of(string instrument)
    {
        lock (_lock)
        {
            return [.. _measurements.Where(measurement => measurement.Instrument == instrument)];
        }
    }

    private void Listen()
    {
        _meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "VisionService")
            {
                _instruments.Add(instrument.Name);
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _meters.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Note(instrument, value, tags));
        _meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        _meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
        _meters.Start();
        _activities.ShouldListenTo = static source => source.Name is "VisionService" or "Microsoft.AspNetCore";
        _activities.Sample = static (ref _) => ActivitySamplingResult.AllDataAndRecorded;
        _activities.ActivityStopped = _spans.Add;
        ActivitySource.AddActivityListener(_activities);
    }

    private void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach (var tag in tags)
        {
            if (tag.Key == "model" && tag.Value is string model && model == Model)
            {
                lock (_lock)
                {
                    _measurements.Add(new Measurement(
                        instrument.Name, instrument.Unit, value, new Dictionary<string, object?>(tags.ToArray())));
                }

                _measured.Release();
            }
        }
    }

    private double Level(string instrument) => Of(instrument).Sum(static change => change.Value);

    /// <summary>Looks again after every measurement.</summary>
    private async Task UntilAsync(Func<bool> isSo)
    {
        while (!isSo())
        {
            await _measured.WaitAsync(Stop);
        }
    }

    private async Task PostAsync(
        byte[] image, string parameters = "", string? traceparent = null, CancellationToken cancellation = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/classify?model={Model}{parameters}")
        {
            Content = new ByteArrayContent(image),
        };
        request.Headers.Add(
            "traceparent", traceparent ?? $"00-{ActivityTraceId.CreateRandom()}-{ActivitySpanId.CreateRandom()}-01");
        var status = 499;
        try
        {
            using var response = await _service.Client.SendAsync(request, cancellation.CanBeCanceled ? cancellation : Stop);
            status = (int)response.StatusCode;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // As it was to be: the service notes it as 499.
        }

        lock (_lock)
        {
            Statuses.Add(status);
        }
    }

    internal sealed record Measurement(
        string Instrument, string? Unit, double Value, IReadOnlyDictionary<string, object?> Tags);
}
