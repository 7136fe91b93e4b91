using System.Diagnostics.Metrics;
using System.Text.Json;
using System.Text.RegularExpressions;
using VisionService.Tests.Observability;

namespace VisionService.Tests.Deploy;

/// <summary>Alerts, dashboard and autoscaler ask for metrics that there are, and each alert has its page.</summary>
public partial class MonitoringTests
{
    private const string Alerts = "deploy/monitoring/alerts.yaml";
    private const string Rule = "deploy/kubernetes/components/monitoring/prometheusrule.yaml";
    private const string Dashboard = "deploy/kubernetes/components/monitoring/dashboard.json";
    private const string Scaler = "deploy/kubernetes/components/keda/scaledobject.yaml";

    [Theory]
    [InlineData(Alerts)]
    [InlineData(Rule)]
    [InlineData(Dashboard)]
    [InlineData(Scaler)]
    public async Task Metrics_that_are_asked_for_exist(string file)
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        await service.PostAsync("/classify", Photos.Red); // brings the meters to life

        // The page has what happened; what did not yet has a name all the same.
        var page = MetricsPage.Read((await service.GetAsync("/metrics")).Text, isOpenMetrics: false);
        var shown = page.Values.SelectMany(static family => family.Samples).Select(static sample => sample.Name).ToHashSet();
        var all = Exposed().ToHashSet();
        Assert.Equal([], shown.Where(name => name.StartsWith("vision_", StringComparison.Ordinal) && !all.Contains(name)));
        var known = shown.Union(all).Append("up").ToHashSet();
        var asked = MetricName().Matches(Read(file)).Select(static match => match.Value).Distinct().ToArray();
        Assert.NotEmpty(asked);
        Assert.Equal([], asked.Where(name => !known.Contains(name)));
    }

    [Fact]
    public void The_operator_has_the_same_alerts() =>
        Assert.Equal(Yaml.Read(Alerts)[0].At("groups"), Yaml.Read(Rule)[0].At("spec/groups"));

    [Fact]
    public void Every_alert_has_its_page_in_the_handbook()
    {
        var pages = File.ReadLines(Path.Combine(Checkout.Root, "OPERATIONS.md"))
            .Where(static line => line.StartsWith('#'))
            .Select(static line => line.TrimStart('#', ' ').ToLowerInvariant().Replace(' ', '-'))
            .ToHashSet();
        foreach (var alert in Yaml.Read(Alerts)[0].List("groups/0/rules"))
        {
            var runbook = alert.Text("annotations/runbook_url").Split('#');
            Assert.Equal(("OPERATIONS.md", alert.Text("alert").ToLowerInvariant()), (runbook[0], runbook[1]));
            Assert.Contains(runbook[1], pages);
        }
    }

    [Fact]
    public void The_dashboard_has_no_panel_twice_in_one_place()
    {
        using var dashboard = JsonDocument.Parse(Read(Dashboard));
        var panels = dashboard.RootElement.GetProperty("panels").EnumerateArray().ToArray();
        Assert.Equal(panels.Length, panels.Select(static panel => panel.GetProperty("id").GetInt32()).Distinct().Count());
        Assert.Equal(panels.Length, panels.Select(static panel => panel.GetProperty("gridPos").ToString()).Distinct().Count());
        Assert.All(
            panels.Where(static panel => panel.GetProperty("type").GetString() != "row"),
            static panel => Assert.NotEmpty(panel.GetProperty("targets").EnumerateArray()));
    }

    [Fact]
    public async Task Promtool_accepts_the_alerts() =>
        Assert.Contains("rules found", await Tool.RunAsync("promtool", "check", "rules", Path.Combine(Checkout.Root, Alerts)));

    /// <summary>The names under which Prometheus sees the instruments of this process.</summary>
    private static IEnumerable<string> Exposed()
    {
        var instruments = new List<Instrument>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, _) => instruments.Add(instrument) };
        listener.Start();
        return instruments.SelectMany(PrometheusNames);
    }

    private static string[] PrometheusNames(Instrument instrument)
    {
        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        var name = instrument.Name.Replace('.', '_') + unit;
        var kind = instrument.GetType().Name;
        return kind.StartsWith("Histogram", StringComparison.Ordinal) ? [$"{name}_bucket", $"{name}_sum", $"{name}_count"]
            : kind.StartsWith("Counter", StringComparison.Ordinal) || kind.StartsWith("ObservableCounter", StringComparison.Ordinal) ? [$"{name}_total"]
            : [name];
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(Checkout.Root, file));

    // A name of ours or of the frameworks', before its labels.
    [GeneratedRegex(@"\b(vision|http|kestrel|dotnet|process|aspnetcore)_\w+(?=\{)|\bup(?=\{)")]
    private static partial Regex MetricName();
}
