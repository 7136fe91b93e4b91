using System.Diagnostics;
using System.Net;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Microsoft.Extensions.Options;
using VisionService.Tests.Observability.Otlp;

namespace VisionService.Tests.Observability;

/// <summary>What a collector gets of the service, whichever way it is sent.</summary>
public class OtlpTests
{
    private const int Server = 2;

    private static readonly string[] Stages = ["decode", "preprocess", "queue", "inference", "postprocess"];

    [Theory]
    [InlineData("grpc")]
    [InlineData("http/protobuf")]
    public async Task A_request_is_a_tree_of_spans_with_its_batch_linked(string protocol)
    {
        await using var collector = await OtlpCollector.StartAsync();
        var trace = ActivityTraceId.CreateRandom();
        var parent = ActivitySpanId.CreateRandom();
        await using (var service = await StartAsync(protocol == "grpc" ? collector.GrpcAddress : collector.HttpAddress, $"OTEL_EXPORTER_OTLP_PROTOCOL={protocol}"))
        {
            await AskAndStopAsync(service, trace, parent);
        }

        var spans = SpansOf(collector);
        var ours = spans.Where(span => Id(span.TraceId) == trace.ToHexString()).ToArray();
        var request = Assert.Single(ours, static span => span.Kind == Server);
        Assert.Equal("POST /classify", request.Name);
        Assert.Equal(parent.ToHexString(), Id(request.ParentSpanId));
        Assert.Equal((long?)200, ValueOf(request.Attributes, "http.response.status_code")?.Whole);
        var stages = ours.Where(span => span.ParentSpanId.Equals(request.SpanId)).OrderBy(static span => span.StartTimeUnixNano).ToArray();
        Assert.Equal(Stages, stages.Select(static span => span.Name));
        Assert.All(stages, stage =>
        {
            Assert.Equal("colors", ValueOf(stage.Attributes, "vision.model")?.Text);
            Assert.InRange(stage.EndTimeUnixNano, stage.StartTimeUnixNano, ulong.MaxValue);
        });
        var batch = Assert.Single(spans, span => span.Name == "batch" && span.Links.Any(link => link.TraceId.Equals(request.TraceId)));
        Assert.Equal(0, batch.ParentSpanId.Length);
        Assert.Equal(request.SpanId, Assert.Single(batch.Links).SpanId);
        Assert.Equal((long?)1, ValueOf(batch.Attributes, "vision.batch.size")?.Whole);
        Assert.DoesNotContain(spans, static span => span.Name.Contains("readyz", StringComparison.Ordinal));
        Assert.Contains(protocol == "grpc" ? "/opentelemetry.proto.collector.trace.v1.TraceService/Export" : "/v1/traces", collector.Paths);
    }

    [Fact]
    public async Task Metrics_have_the_names_units_and_buckets_of_the_API()
    {
        await using var collector = await OtlpCollector.StartAsync();
        await using (var service = await StartAsync(collector.GrpcAddress))
        {
            await AskAndStopAsync(service, ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom());
        }

        var metrics = collector.Metrics.SelectMany(static resource => resource.ScopeMetrics).SelectMany(static scope => scope.Metrics).ToLookup(static metric => metric.Name);
        foreach (var (name, unit) in new[]
        {
            ("vision.request.duration", "s"), ("vision.stage.duration", "s"), ("vision.batch.size", "{image}"), ("vision.batch.release", "{batch}"),
            ("vision.queue.length", "{image}"), ("vision.queue.predicted_wait", "s"), ("vision.model.load.duration", "s"), ("vision.session.busy", "{run}"),
            ("http.server.request.duration", "s"), ("kestrel.active_connections", "{connection}"), ("dotnet.gc.collections", "{collection}"),
        })
        {
            Assert.True(metrics.Contains(name), $"{name} is not among {string.Join(' ', metrics.Select(static metric => metric.Key))}");
            Assert.Equal((name, unit), (name, metrics[name].First().Unit));
        }

        var request = metrics["vision.request.duration"].SelectMany(static metric => metric.Histogram.DataPoints)
            .First(static point => ValueOf(point.Attributes, "model")?.Text == "colors" && ValueOf(point.Attributes, "code")?.Whole == 200);
        Assert.Equal("classify", ValueOf(request.Attributes, "task")?.Text);
        Assert.Equal((.0005, 10.0), (request.ExplicitBounds[0], request.ExplicitBounds[^1]));
        var framework = metrics["http.server.request.duration"].SelectMany(static metric => metric.Histogram.DataPoints).Last();
        Assert.Equal(request.ExplicitBounds, framework.ExplicitBounds);
    }

    [Fact]
    public async Task Log_records_carry_the_trace_and_nothing_of_the_request()
    {
        await using var collector = await OtlpCollector.StartAsync();
        var trace = ActivityTraceId.CreateRandom();
        var folder = ModelFolder.WithColors();
        var path = folder.Path;
        await using (var service = await StartAsync(collector.GrpcAddress, folder, "--Logging:LogLevel:VisionService.Repository", "Information"))
        {
            var reload = new HttpRequestMessage(HttpMethod.Post, "/models/colors/reload") { Headers = { { "traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01" } } };
            (await service.SendAsync(reload)).MustBe(HttpStatusCode.OK);
            await service.StopAsync();
        }

        var records = collector.Logs.SelectMany(static resource => resource.ScopeLogs).SelectMany(static scope => scope.LogRecords).ToArray();
        var ready = records.Where(static record => record.Body.Text.Contains("is ready to classify", StringComparison.Ordinal)).ToArray();
        Assert.Contains(ready, record => Id(record.TraceId) == trace.ToHexString());
        Assert.All(ready, static record => Assert.Equal("colors", ValueOf(record.Attributes, "Model")?.Text));
        Assert.DoesNotContain(records, record => record.ToString().Contains(path, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_resource_says_what_and_where_it_is()
    {
        await using var collector = await OtlpCollector.StartAsync();
        await using (var service = await StartAsync(collector.GrpcAddress))
        {
            await AskAndStopAsync(service, ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom());
        }

        foreach (var resource in collector.Spans.Select(static spans => spans.Resource).Concat(collector.Metrics.Select(static metrics => metrics.Resource)))
        {
            Assert.Equal("visionservice", ValueOf(resource.Attributes, "service.name")?.Text);
            Assert.Matches(@"^\d+\.\d+\.\d+", ValueOf(resource.Attributes, "service.version")?.Text);
            Assert.Equal(Environment.MachineName, ValueOf(resource.Attributes, "host.name")?.Text);
        }
    }

    [Fact]
    public async Task The_variables_of_OpenTelemetry_have_the_last_word()
    {
        await using var collector = await OtlpCollector.StartAsync();
        await using (var service = await StartAsync(
            collector.GrpcAddress, "OTEL_SERVICE_NAME=eyes", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment=test", "OTEL_METRICS_EXPORTER=none", "OTEL_LOGS_EXPORTER=none"))
        {
            await AskAndStopAsync(service, ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom());
        }

        var resource = collector.Spans[0].Resource;
        Assert.Equal("eyes", ValueOf(resource.Attributes, "service.name")?.Text);
        Assert.Equal("test", ValueOf(resource.Attributes, "deployment.environment")?.Text);
        Assert.Empty(collector.Metrics);
        Assert.Empty(collector.Logs);
    }

    [Fact]
    public async Task One_signal_may_go_elsewhere()
    {
        await using var collector = await OtlpCollector.StartAsync();
        await using var other = await OtlpCollector.StartAsync();
        await using (var service = await StartAsync(
            collector.GrpcAddress, "OTEL_LOGS_EXPORTER=none", $"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT={other.HttpAddress}/spans", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf"))
        {
            await AskAndStopAsync(service, ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom());
        }

        Assert.All(other.Paths, static path => Assert.Equal("/spans", path));
        Assert.NotEmpty(other.Paths);
        Assert.NotEmpty(collector.Metrics);
        Assert.Empty(collector.Spans);
    }

    [Theory]
    [InlineData("OTEL_SDK_DISABLED=true")]
    [InlineData("OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none", "OTEL_LOGS_EXPORTER=none")]
    public async Task What_is_off_sends_nothing(params string[] variables)
    {
        await using var collector = await OtlpCollector.StartAsync();
        await using (var service = await StartAsync(collector.GrpcAddress, variables))
        {
            await AskAsync(service, ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom());
            (await service.GetAsync("/metrics")).MustBe(HttpStatusCode.OK);
        }

        Assert.Empty(collector.Paths);
    }

    [Fact]
    public async Task A_collector_that_is_not_there_costs_no_request()
    {
        await using var service = await StartAsync("http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT=200");
        await AskAsync(service, ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom());
    }

    [Theory]
    [InlineData("OTEL_TRACES_EXPORTER must be otlp or none, not 'zipkin'.", "OTEL_TRACES_EXPORTER=zipkin")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must be a URL such as http://localhost:4317, not 'collector'.", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=collector")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as http://localhost:4317, not 'collector'.", "OTEL_EXPORTER_OTLP_ENDPOINT=collector")]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL must be grpc or http/protobuf, not 'http/json'.", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json")]
    public async Task A_variable_that_is_wrong_is_named(string message, params string[] variables)
    {
        var refusal = await Assert.ThrowsAsync<OptionsValidationException>(() => TestService.StartAsync(ModelFolder.WithColors(), variables));
        Assert.Equal(message, refusal.Message);
    }

    private static Task<TestService> StartAsync(string endpoint, params string[] arguments) => StartAsync(endpoint, ModelFolder.WithColors(), arguments);

    private static Task<TestService> StartAsync(string endpoint, ModelFolder folder, params string[] arguments) =>
        TestService.StartAsync(folder, [$"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}", .. arguments]);

    private static async Task AskAsync(TestService service, ActivityTraceId trace, ActivitySpanId parent)
    {
        (await service.GetAsync("/readyz")).MustBe(HttpStatusCode.OK);
        var request = new HttpRequestMessage(HttpMethod.Post, "/classify")
        {
            Content = new ByteArrayContent(Photos.Red) { Headers = { { "Content-Type", "image/png" } } },
            Headers = { { "traceparent", $"00-{trace}-{parent}-01" } },
        };
        (await service.SendAsync(request)).MustBe(HttpStatusCode.OK);
    }

    /// <summary>Asks, and ends the service in order: a request's span ends after its answer has gone.</summary>
    private static async Task AskAndStopAsync(TestService service, ActivityTraceId trace, ActivitySpanId parent)
    {
        await AskAsync(service, trace, parent);
        await service.StopAsync();
    }

    private static Span[] SpansOf(OtlpCollector collector) =>
        [.. collector.Spans.SelectMany(static resource => resource.ScopeSpans).SelectMany(static scope => scope.Spans)];

    private static Value? ValueOf(RepeatedField<KeyValue> attributes, string key) =>
        attributes.FirstOrDefault(attribute => attribute.Key == key)?.Value;

    private static string Id(ByteString bytes) => Convert.ToHexStringLower(bytes.Span);
}
