using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;

namespace VisionService.Tests.Observability;

/// <summary>The page of metrics, by a strict reader of ours and by Prometheus itself.</summary>
public class PrometheusTests
{
    private const string OpenMetrics = "application/openmetrics-text; version=1.0.0";

    // What Prometheus 2 and 3 ask with.
    private const string Scraper = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

    // Meters are the process's, in which other tests ask other services: this test's own figures are those of its model.
    private readonly string _model = $"colors-{Guid.NewGuid():N}";

    [Theory]
    [InlineData(null, false)]
    [InlineData("*/*", false)]
    [InlineData("text/plain", false)]
    [InlineData("text/plain;q=0.9, application/openmetrics-text;q=0.1", false)]
    [InlineData("nonsense;;", false)]
    [InlineData(OpenMetrics, true)]
    [InlineData(Scraper, true)]
    public async Task A_page_is_as_its_format_wants_it(string? accept, bool isOpenMetrics)
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(_model));
        await AskAsync(service);
        (await service.PostAsync("/classify", "no image"u8.ToArray())).MustBe(HttpStatusCode.UnprocessableEntity);
        var answer = await ScrapeAsync(service, accept);
        Assert.Equal(
            isOpenMetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8",
            answer.Response.Content.Headers.ContentType?.ToString());
        var families = MetricsPage.Read(answer.Text, isOpenMetrics);
        Assert.All(families.Values, static family => Assert.NotEmpty(family.Samples));
        var request = families["vision_request_duration_seconds"];
        Assert.Equal(("histogram", "From the first byte read to the answer."), (request.Type, request.Help));
        Assert.Equal(isOpenMetrics ? "seconds" : "", request.Unit);
        Assert.Equal(1, Count(request, ("code", "200"), ("model", _model), ("task", "classify")));
        Assert.Equal(1, Count(request, ("code", "422"), ("model", _model)));
        Assert.Equal(
            ["0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", isOpenMetrics ? "1.0" : "1", "2.5", isOpenMetrics ? "5.0" : "5", isOpenMetrics ? "10.0" : "10", "+Inf"],
            request.Samples.Where(sample => sample.Labels.GetValueOrDefault("code") == "200" && sample.Labels["model"] == _model && sample.Labels.ContainsKey("le")).Select(static sample => sample.Labels["le"]));
        Assert.Equal("counter", families[isOpenMetrics ? "vision_batch_release" : "vision_batch_release_total"].Type);
        var target = families[isOpenMetrics ? "target" : "target_info"].Samples[0];
        Assert.Equal("visionservice", target.Labels["service_name"]);
    }

    [Fact]
    public async Task Counters_only_grow_and_count_what_was_asked()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(_model));
        for (var i = 1; i <= 3; i++)
        {
            await AskAsync(service);
            var families = MetricsPage.Read((await ScrapeAsync(service, null)).Text, isOpenMetrics: false);
            Assert.Equal(i, Count(families["vision_request_duration_seconds"], ("code", "200"), ("model", _model)));
            Assert.Equal(i, Count(families["vision_batch_size"], ("model", _model)));
        }
    }

    [Fact]
    public async Task Where_traces_are_sent_the_figures_lead_to_them()
    {
        await using var collector = await OtlpCollector.StartAsync();
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(_model), $"OTEL_EXPORTER_OTLP_ENDPOINT={collector.GrpcAddress}");
        var trace = ActivityTraceId.CreateRandom().ToHexString();
        await AskAsync(service, $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
        var families = MetricsPage.Read((await ScrapeAsync(service, OpenMetrics)).Text, isOpenMetrics: true);
        foreach (var name in new[] { "vision_request_duration_seconds", "vision_stage_duration_seconds", "http_server_request_duration_seconds" })
        {
            Assert.Contains(families[name].Samples, sample => sample.Exemplar?.TraceId == trace);
        }

        MetricsPage.Read((await ScrapeAsync(service, null)).Text, isOpenMetrics: false); // which has no place for them
    }

    [Fact]
    public async Task Many_may_ask_at_once()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(_model));
        await AskAsync(service);
        var pages = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => ScrapeAsync(service, i % 2 == 0 ? OpenMetrics : null)));
        for (var i = 0; i < pages.Length; i++)
        {
            Assert.Equal(1, Count(MetricsPage.Read(pages[i].Text, isOpenMetrics: i % 2 == 0)["vision_request_duration_seconds"], ("code", "200"), ("model", _model)));
        }
    }

    [Fact]
    public async Task It_can_be_left_out()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(_model), "--Telemetry:Metrics", "false");
        (await service.GetAsync("/metrics")).Problem(404, "not-found");
        await AskAsync(service);
    }

    [Fact]
    public async Task Promtool_has_nothing_to_say_of_it()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(_model));
        await AskAsync(service);
        var page = (await ScrapeAsync(service, null)).Text;
        using var promtool = Start("promtool", "check", "metrics");
        await promtool.StandardInput.WriteAsync(page);
        promtool.StandardInput.Close();
        var said = await promtool.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken) + await promtool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await promtool.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal((0, ""), (promtool.ExitCode, said));
    }

    [Fact]
    public async Task Prometheus_scrapes_it_under_load()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(_model));
        using var folder = new ModelFolder();
        var config = folder.File("prometheus.yml");
        await File.WriteAllTextAsync(
            config,
            $"scrape_configs: [{{job_name: vision, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{{targets: ['127.0.0.1:{service.Address.Port}']}}]}}]",
            TestContext.Current.CancellationToken);
        var port = FreePort();
        using var prometheus = Start(
            "prometheus", $"--config.file={config}", $"--storage.tsdb.path={folder.File("data")}", $"--web.listen-address=127.0.0.1:{port}", "--log.level=error");
        _ = prometheus.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

            // Load goes on until it has seen what a dashboard asks for.
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
            while (await QueryAsync(client, "sum(rate(vision_request_duration_seconds_count{code=\"200\"}[10s]))") is not > 0
                || await QueryAsync(client, "histogram_quantile(0.99, sum by (le) (rate(vision_stage_duration_seconds_bucket[10s])))") is not > 0)
            {
                patience.Token.ThrowIfCancellationRequested();
                await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => AskAsync(service)));
            }

            Assert.Equal(1, await QueryAsync(client, "min(up)"));
        }
        finally
        {
            prometheus.Kill();
            await prometheus.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static async Task AskAsync(TestService service, string? traceparent = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/classify")
        {
            Content = new ByteArrayContent(Photos.Red) { Headers = { { "Content-Type", "image/png" } } },
        };
        if (traceparent is not null)
        {
            request.Headers.Add("traceparent", traceparent);
        }

        (await service.SendAsync(request)).MustBe(HttpStatusCode.OK);
    }

    private static async Task<Answer> ScrapeAsync(TestService service, string? accept)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        return (await service.SendAsync(request)).MustBe(HttpStatusCode.OK);
    }

    /// <summary>How many measurements a histogram has whose labels are these.</summary>
    private static double Count(Family histogram, params (string Name, string Value)[] labels) => histogram.Samples
        .Where(sample => sample.Name == $"{histogram.Name}_count" && labels.All(label => sample.Labels.GetValueOrDefault(label.Name) == label.Value))
        .Sum(static sample => sample.Value);

    /// <summary>A query's number; null while there is none.</summary>
    private static async Task<double?> QueryAsync(HttpClient client, string query)
    {
        try
        {
            using var answer = JsonDocument.Parse(
                await client.GetStringAsync($"/api/v1/query?query={Uri.EscapeDataString(query)}", TestContext.Current.CancellationToken));
            var results = answer.RootElement.GetProperty("data").GetProperty("result");
            return results.GetArrayLength() == 0 ? null : double.Parse(results[0].GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture);
        }
        catch (HttpRequestException)
        {
            return null; // it is still starting
        }
    }

    private static Process Start(string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip($"{tool} is not installed (Debian's prometheus).");
            throw;
        }
    }

    private static int FreePort()
    {
        using var free = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        free.Start();
        return ((IPEndPoint)free.LocalEndpoint).Port;
    }
}
