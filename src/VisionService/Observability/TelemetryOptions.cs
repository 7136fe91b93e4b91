namespace VisionService.Observability;

/// <summary>What the service tells of itself, and how; section <c>Telemetry</c>. Export over OTLP is set up by OpenTelemetry's
/// own variables, <c>OTEL_*</c>.</summary>
internal sealed class TelemetryOptions
{
    /// <summary>Whether <c>GET /metrics</c> is there. Default true.</summary>
    public bool Metrics { get; init; } = true;

    /// <summary>The form of log lines. Default <see cref="LogForm.Auto"/>.</summary>
    public LogForm Logs { get; init; }
}

/// <summary>The form of log lines on the console.</summary>
internal enum LogForm
{
    /// <summary>JSON in a container whose output is collected, else text.</summary>
    Auto,

    /// <summary>One line for people.</summary>
    Text,

    /// <summary>One JSON object a line, with the ids of trace and request.</summary>
    Json,
}
