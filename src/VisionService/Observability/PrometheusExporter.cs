using System.Text;
using Microsoft.Net.Http.Headers;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace VisionService.Observability;

/// <summary>
/// Answers <c>GET /metrics</c> from the SDK's own figures: nothing is kept between two scrapes. Where several ask at once
/// one collects after the other.
/// </summary>
[ExportModes(ExportModes.Pull)]
internal sealed class PrometheusExporter : BaseExporter<Metric>, IPullMetricExporter
{
    // Scrapers wait ten seconds; one that hangs must not keep the others.
    private const int CollectTimeoutMs = 5000;

    private readonly SemaphoreSlim _turn = new(1);
    private readonly StringBuilder _text = new();
    private bool _isOpenMetrics;

    public PrometheusExporter() => Reader = new BaseExportingMetricReader(this);

    /// <summary>What the SDK collects through; it disposes of this exporter too.</summary>
    public BaseExportingMetricReader Reader { get; }

    /// <summary>Set by the reader.</summary>
    public Func<int, bool>? Collect { get; set; }

    public override ExportResult Export(in Batch<Metric> batch)
    {
        var metrics = new List<Metric>();
        foreach (var metric in batch)
        {
            metrics.Add(metric);
        }

        PrometheusText.Write(_text, metrics, ParentProvider?.GetResource() ?? Resource.Empty, _isOpenMetrics);
        return ExportResult.Success;
    }

    public async Task WriteAsync(HttpContext http)
    {
        byte[] page;
        var isOpenMetrics = WantsOpenMetrics(http.Request);
        await _turn.WaitAsync(http.RequestAborted);
        try
        {
            _text.Clear();
            _isOpenMetrics = isOpenMetrics;
            if (Collect?.Invoke(CollectTimeoutMs) != true)
            {
                http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                return;
            }

            page = Encoding.UTF8.GetBytes(_text.ToString());
        }
        finally
        {
            _turn.Release();
        }

        http.Response.ContentType = isOpenMetrics ? PrometheusText.OpenMetricsContentType : PrometheusText.ContentType;
        http.Response.ContentLength = page.Length;
        await http.Response.Body.WriteAsync(page, http.RequestAborted);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _turn.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Whether OpenMetrics is liked at least as well as plain text.</summary>
    private static bool WantsOpenMetrics(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted))
        {
            return false;
        }

        double Quality(string type) => accepted
            .Where(range => range.MediaType.Equals(type, StringComparison.OrdinalIgnoreCase))
            .Select(static range => range.Quality ?? 1)
            .DefaultIfEmpty(0)
            .Max();

        return Quality("application/openmetrics-text") is > 0 and var liked && liked >= Quality("text/plain");
    }
}
