using System.Globalization;
using System.Text;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace VisionService.Observability;

/// <summary>
/// Metrics as Prometheus reads them: its text format 0.0.4, or OpenMetrics 1.0, with names as OpenTelemetry's compatibility
/// rules make them: <c>vision.request.duration</c> in <c>s</c> is <c>vision_request_duration_seconds</c>.
/// </summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";
    public const string OpenMetricsContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    public static void Write(StringBuilder text, IEnumerable<Metric> metrics, Resource resource, bool isOpenMetrics)
    {
        var page = new Page(text, isOpenMetrics);
        page.Target(resource);

        // A name may come once only; of two meters that chose the same one, the first has it.
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var metric in metrics)
        {
            if (names.Add(NameOf(metric)))
            {
                page.Family(metric);
            }
        }

        if (isOpenMetrics)
        {
            text.Append("# EOF\n");
        }
    }

    /// <summary>A family's name: the unit is part of it, a counter's <c>_total</c> is not.</summary>
    private static string NameOf(Metric metric)
    {
        var name = Sanitize(metric.Name);
        if (TypeOf(metric) == "counter" && name.EndsWith("_total", StringComparison.Ordinal))
        {
            name = name[..^"_total".Length];
        }

        // What ends like a part of a histogram would be taken for one.
        if (TypeOf(metric) == "gauge" && name.EndsWith("_count", StringComparison.Ordinal))
        {
            name = name[..^"_count".Length];
        }

        var unit = UnitOf(metric);
        return unit.Length == 0 || name.EndsWith("_" + unit, StringComparison.Ordinal) ? name : $"{name}_{unit}";
    }

    private static string UnitOf(Metric metric) => metric.Unit switch
    {
        "s" => "seconds",
        "ms" => "milliseconds",
        "By" => "bytes",
        "%" => "percent",
        "1" => TypeOf(metric) == "gauge" ? "ratio" : "",
        ['{', ..] or null => "",
        var unit => Sanitize(unit.Replace("/", "_per_", StringComparison.Ordinal)),
    };

    private static string TypeOf(Metric metric) => metric.MetricType switch
    {
        MetricType.LongSum or MetricType.DoubleSum => "counter",
        MetricType.Histogram or MetricType.ExponentialHistogram => "histogram",
        _ => "gauge",
    };

    /// <summary>Letters, digits and underscores, none of them twice, no digit first.</summary>
    private static string Sanitize(string name)
    {
        var sane = new StringBuilder(name.Length + 1);
        foreach (var c in name)
        {
            if (char.IsAsciiLetterOrDigit(c))
            {
                sane.Append(sane.Length == 0 && char.IsAsciiDigit(c) ? $"_{c}" : $"{c}");
            }
            else if (sane.Length == 0 || sane[^1] != '_')
            {
                sane.Append('_');
            }
        }

        return sane.ToString();
    }

    /// <summary>The lines, in one of the two formats.</summary>
    private sealed class Page(StringBuilder text, bool isOpenMetrics)
    {
        private static readonly CultureInfo Plain = CultureInfo.InvariantCulture;

        /// <summary>Who speaks.</summary>
        public void Target(Resource resource)
        {
            Head(isOpenMetrics ? "target" : "target_info", isOpenMetrics ? "info" : "gauge", "", "The service that these figures are of.");
            Sample("target_info", Labels(resource.Attributes), "1");
            text.Append('\n');
        }

        public void Family(Metric metric)
        {
            var (name, type) = (NameOf(metric), TypeOf(metric));

            // Only OpenMetrics knows that a counter's family and its samples differ in name.
            Head(type == "counter" && !isOpenMetrics ? $"{name}_total" : name, type, UnitOf(metric), metric.Description);
            foreach (ref readonly var point in metric.GetMetricPoints())
            {
                var labels = Labels(Tags(point));
                if (type == "histogram")
                {
                    Histogram(name, labels, point, metric.MetricType);
                    continue;
                }

                Sample(type == "counter" ? $"{name}_total" : name, labels, ValueOf(point, metric.MetricType));
                if (type == "counter")
                {
                    Exemplar(point, double.NegativeInfinity, double.PositiveInfinity, metric.MetricType);
                }

                text.Append('\n');
            }
        }

        private static List<KeyValuePair<string, object>> Tags(in MetricPoint point)
        {
            var tags = new List<KeyValuePair<string, object>>(point.Tags.Count);
            foreach (var tag in point.Tags)
            {
                tags.Add(new(tag.Key, tag.Value ?? ""));
            }

            return tags;
        }

        private static string ValueOf(in MetricPoint point, MetricType type) => type switch
        {
            MetricType.LongSum or MetricType.LongSumNonMonotonic => point.GetSumLong().ToString(Plain),
            MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic => Number(point.GetSumDouble()),
            MetricType.LongGauge => point.GetGaugeLastValueLong().ToString(Plain),
            _ => Number(point.GetGaugeLastValueDouble()),
        };

        private static string Number(double value) => value switch
        {
            double.PositiveInfinity => "+Inf",
            double.NegativeInfinity => "-Inf",
            double.NaN => "NaN",
            _ => value.ToString("R", Plain),
        };

        private static string Labels(IEnumerable<KeyValuePair<string, object>> tags)
        {
            var labels = new StringBuilder();
            foreach (var tag in tags.DistinctBy(static tag => Sanitize(tag.Key)))
            {
                var value = tag.Value is bool flag ? flag ? "true" : "false" : Convert.ToString(tag.Value, Plain);
                labels.Append(labels.Length == 0 ? "" : ",").Append(Sanitize(tag.Key)).Append("=\"").Append(Escape(value!)).Append('"');
            }

            return labels.ToString();
        }

        private static string Escape(string value) => value
            .Replace(@"\", @"\\", StringComparison.Ordinal)
            .Replace("\n", @"\n", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal);

        private void Head(string name, string type, string unit, string description)
        {
            text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
            if (isOpenMetrics && unit.Length > 0)
            {
                text.Append("# UNIT ").Append(name).Append(' ').Append(unit).Append('\n');
            }

            // Quotation marks are escaped in OpenMetrics alone.
            var help = description.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal);
            help = isOpenMetrics ? help.Replace("\"", "\\\"", StringComparison.Ordinal) : help;
            text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n');
        }

        private void Histogram(string name, string labels, in MetricPoint point, MetricType type)
        {
            if (type == MetricType.Histogram)
            {
                long below = 0;
                var lower = double.NegativeInfinity;
                foreach (var bucket in point.GetHistogramBuckets())
                {
                    below += bucket.BucketCount;
                    var bound = Number(bucket.ExplicitBound);

                    // OpenMetrics wants bounds that can be told from whole numbers.
                    bound = isOpenMetrics && bound.All(char.IsAsciiDigit) ? $"{bound}.0" : bound;
                    Sample($"{name}_bucket", $"{labels}{(labels.Length == 0 ? "" : ",")}le=\"{bound}\"", below.ToString(Plain));
                    Exemplar(point, lower, bucket.ExplicitBound, type);
                    text.Append('\n');
                    lower = bucket.ExplicitBound;
                }
            }

            else
            {
                // Its buckets are of another kind than the formats'.
                Sample($"{name}_bucket", $"{labels}{(labels.Length == 0 ? "" : ",")}le=\"+Inf\"", point.GetHistogramCount().ToString(Plain));
                text.Append('\n');
            }

            Sample($"{name}_sum", labels, Number(point.GetHistogramSum()));
            text.Append('\n');
            Sample($"{name}_count", labels, point.GetHistogramCount().ToString(Plain));
            text.Append('\n');
        }

        /// <summary>The rest of a sample's line: the trace of the newest measurement in <c>(above, to]</c>, where there is
        /// one.</summary>
        private void Exemplar(in MetricPoint point, double above, double to, MetricType type)
        {
            if (!isOpenMetrics || !point.TryGetExemplars(out var exemplars))
            {
                return;
            }

            foreach (ref readonly var exemplar in exemplars)
            {
                var value = type == MetricType.LongSum ? exemplar.LongValue : exemplar.DoubleValue;
                if (exemplar.TraceId == default || value <= above || value > to)
                {
                    continue;
                }

                var seconds = exemplar.Timestamp.ToUnixTimeMilliseconds() / 1000.0;
                text.Append(Plain, $" # {{trace_id=\"{exemplar.TraceId}\",span_id=\"{exemplar.SpanId}\"}} {Number(value)} {seconds:F3}");
                return;
            }
        }

        /// <summary>A sample without the end of its line, as an exemplar may follow.</summary>
        private void Sample(string name, string labels, string value)
        {
            text.Append(name);
            if (labels.Length > 0)
            {
                text.Append('{').Append(labels).Append('}');
            }

            text.Append(' ').Append(value);
        }
    }
}
