using System.Reflection;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace VisionService.Observability;

/// <summary>
/// Wires the service's instruments and spans, and the framework's, to those who collect them: <c>/metrics</c> for Prometheus,
/// and OTLP where the variables of OpenTelemetry ask for it.
/// </summary>
internal static class ObservabilitySetup
{
    private const string Traces = "TRACES";
    private const string Metrics = "METRICS";
    private const string Logs = "LOGS";

    private static readonly string[] Meters =
    [
        Telemetry.Name,
        "Microsoft.AspNetCore.Hosting",
        "Microsoft.AspNetCore.Server.Kestrel",
        "Microsoft.AspNetCore.RateLimiting",
        "System.Net.Http",
        "System.Runtime",
    ];

    // Whoever watches asks every few seconds; a span of each would bury the others.
    private static readonly string[] Watched = ["/livez", "/readyz", "/healthz", "/metrics", "/v2/health", "/grpc.health.v1.Health"];

    public static void AddObservability(this WebApplicationBuilder builder)
    {
        OptionSection.AddOptions<TelemetryOptions>(builder, "Telemetry");
        OptionsOf(builder, out var options);
        ChooseLogForm(builder, options.Logs);

        // Where the service lies on its machine is nobody's business; where it listens is logged elsewhere.
        builder.Services.Configure<ConsoleLifetimeOptions>(static lifetime => lifetime.SuppressStatusMessages = true);
        var configuration = builder.Configuration;
        var isOff = string.Equals(configuration["OTEL_SDK_DISABLED"], "true", StringComparison.OrdinalIgnoreCase);
        var sends = new[] { Traces, Metrics, Logs }.Where(signal => !isOff && Sends(configuration, signal)).ToHashSet();
        foreach (var prefix in sends.Select(static signal => $"OTEL_EXPORTER_OTLP_{signal}_").Append("OTEL_EXPORTER_OTLP_"))
        {
            Check(configuration, prefix);
        }

        if (sends.Count == 0 && !options.Metrics)
        {
            return;
        }

        var telemetry = builder.Services.AddOpenTelemetry().ConfigureResource(resource => Describe(resource, configuration));
        if (sends.Contains(Traces))
        {
            telemetry.WithTracing(tracing => tracing
                .AddSource(Telemetry.Name, "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http")
                .AddAspNetCoreInstrumentation(requests => requests.Filter = IsNoProbe)
                .AddOtlpExporter(exporter => ReadOwn(exporter, configuration, Traces)));
        }

        if (sends.Contains(Metrics) || options.Metrics)
        {
            telemetry.WithMetrics(metrics =>
            {
                metrics.AddMeter(Meters);

                // The framework's own boundaries begin at 5 ms.
                metrics.AddView("http.server.request.duration", Seconds()).AddView("http.client.request.duration", Seconds());
                if (sends.Contains(Traces))
                {
                    metrics.SetExemplarFilter(ExemplarFilterType.TraceBased);
                }

                if (options.Metrics)
                {
                    metrics.AddReader(static services => services.GetRequiredService<PrometheusExporter>().Reader);
                }

                if (sends.Contains(Metrics))
                {
                    metrics.AddOtlpExporter(exporter => ReadOwn(exporter, configuration, Metrics));
                }
            });
        }

        if (options.Metrics)
        {
            builder.Services.AddSingleton<PrometheusExporter>();
        }

        if (sends.Contains(Logs))
        {
            telemetry.WithLogging(
                logging => logging.AddOtlpExporter(exporter => ReadOwn(exporter, configuration, Logs)),
                static records => records.IncludeFormattedMessage = records.IncludeScopes = true);
        }
    }

    /// <summary>Maps <c>GET /metrics</c>; null where it is not wanted.</summary>
    public static IEndpointConventionBuilder? MapMetrics(this WebApplication app) => app.Services.GetService<PrometheusExporter>() is { } exporter
        ? app.MapGet("/metrics", (Delegate)exporter.WriteAsync)
            .WithSummary("The service's figures in the text of Prometheus or, by Accept, of OpenMetrics.")
            .WithTags("Health")
            .Produces<string>(200, PrometheusText.ContentType, PrometheusText.OpenMetricsContentType)
            .DisableHttpMetrics()
        : null;

    private static void OptionsOf(WebApplicationBuilder builder, out TelemetryOptions options)
    {
        // What is wired depends on them, so they are read before there is a container to ask.
        options = new TelemetryOptions();
        try
        {
            options = builder.Configuration.GetSection("Telemetry").Get<TelemetryOptions>() ?? options;
        }
        catch (InvalidOperationException exception)
        {
            throw new OptionsValidationException("Telemetry", typeof(TelemetryOptions), [exception.Message]);
        }
    }

    private static void ChooseLogForm(WebApplicationBuilder builder, LogForm form)
    {
        var isCollected = builder.Configuration["DOTNET_RUNNING_IN_CONTAINER"] is "true" or "1" && Console.IsOutputRedirected;
        if (form == LogForm.Text || (form == LogForm.Auto && !isCollected))
        {
            return;
        }

        builder.Logging.AddJsonConsole(static json =>
        {
            json.IncludeScopes = true;
            json.UseUtcTimestamp = true;
            json.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
        });
    }

    /// <summary>Whether a signal is to be sent: where there is an address for it, and nobody says <c>none</c>.</summary>
    private static bool Sends(ConfigurationManager configuration, string signal) => configuration[$"OTEL_{signal}_EXPORTER"] switch
    {
        "none" => false,
        "otlp" => true,
        null or "" => !string.IsNullOrEmpty(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"])
            || !string.IsNullOrEmpty(configuration[$"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"]),
        var other => throw Wrong($"OTEL_{signal}_EXPORTER must be otlp or none, not '{other}'."),
    };

    /// <summary>Names the variable that is wrong, which the exporter would pass over.</summary>
    private static void Check(ConfigurationManager configuration, string prefix)
    {
        if (configuration[$"{prefix}ENDPOINT"] is { Length: > 0 } endpoint
            && !(Uri.TryCreate(endpoint, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"))
        {
            throw Wrong($"{prefix}ENDPOINT must be a URL such as http://localhost:4317, not '{endpoint}'.");
        }

        if (configuration[$"{prefix}PROTOCOL"] is { Length: > 0 } protocol and not ("grpc" or "http/protobuf"))
        {
            throw Wrong($"{prefix}PROTOCOL must be grpc or http/protobuf, not '{protocol}'.");
        }
    }

    private static OptionsValidationException Wrong(string message) => new("OTEL", typeof(TelemetryOptions), [message]);

    /// <summary>A signal's own variables over the common ones, which the exporter reads by itself.</summary>
    private static void ReadOwn(OtlpExporterOptions exporter, ConfigurationManager configuration, string signal)
    {
        string? Own(string name) => configuration[$"OTEL_EXPORTER_OTLP_{signal}_{name}"] is { Length: > 0 } value ? value : null;

        if (Own("PROTOCOL") is { } protocol)
        {
            exporter.Protocol = protocol == "grpc" ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        }

        if (Own("ENDPOINT") is { } endpoint)
        {
            exporter.Endpoint = new Uri(endpoint);
        }

        exporter.Headers = Own("HEADERS") ?? exporter.Headers;
        if (int.TryParse(Own("TIMEOUT"), out var milliseconds))
        {
            exporter.TimeoutMilliseconds = milliseconds;
        }
    }

    private static void Describe(ResourceBuilder resource, ConfigurationManager configuration)
    {
        var version = typeof(ObservabilitySetup).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        resource.AddService("visionservice", serviceVersion: version.Split('+')[0])
            .AddAttributes([new("host.name", Environment.MachineName), new("process.pid", Environment.ProcessId)])
            .AddEnvironmentVariableDetector(); // the operator's word is the last
    }

    private static bool IsNoProbe(HttpContext http) =>
        !Array.Exists(Watched, path => http.Request.Path.StartsWithSegments(path, StringComparison.Ordinal));

    private static ExplicitBucketHistogramConfiguration Seconds() => new() { Boundaries = [.. Telemetry.SecondsBoundaries] };
}
