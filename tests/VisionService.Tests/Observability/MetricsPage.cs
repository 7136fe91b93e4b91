using System.Globalization;
using System.Text.RegularExpressions;

namespace VisionService.Tests.Observability;

/// <summary>One line of figures.</summary>
internal sealed record Sample(string Name, IReadOnlyDictionary<string, string> Labels, double Value, Exemplar? Exemplar)
{
    /// <summary>What tells it from its neighbours.</summary>
    public string Series(params string[] without) => string.Join(
        ',', Labels.Where(label => !without.Contains(label.Key)).OrderBy(static label => label.Key, StringComparer.Ordinal).Select(static label => $"{label.Key}={label.Value}"));
}

/// <summary>The request behind a figure.</summary>
internal sealed record Exemplar(string TraceId, double Value);

/// <summary>A family of figures.</summary>
internal sealed record Family(string Name, string Type, string Unit, string Help, IReadOnlyList<Sample> Samples);

/// <summary>A page of metrics, read as strictly as the formats are written: whatever they do not allow fails the test.</summary>
internal static partial class MetricsPage
{
    private static readonly string[] Types = ["counter", "gauge", "histogram", "info"];

    public static Dictionary<string, Family> Read(string page, bool isOpenMetrics)
    {
        Assert.EndsWith("\n", page, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', page);
        var lines = page[..^1].Split('\n');
        if (isOpenMetrics)
        {
            Assert.Equal("# EOF", lines[^1]);
            lines = lines[..^1];
        }

        var families = new Dictionary<string, Family>(StringComparer.Ordinal);
        var (name, type, unit, help, samples) = ("", "", "", "", new List<Sample>());
        foreach (var line in lines)
        {
            if (line.StartsWith("# ", StringComparison.Ordinal))
            {
                var words = line.Split(' ', 4);
                if (words[1] == "TYPE")
                {
                    End();
                    (name, type, unit, help, samples) = (words[2], words[3], "", "", []);
                    Assert.Matches("^[a-zA-Z_][a-zA-Z0-9_]*$", name);
                    Assert.Contains(type, Types);
                    Assert.True(isOpenMetrics || type != "info", line);
                    continue;
                }

                Assert.Equal((name, 0), (words[2], samples.Count)); // before the samples, of the family that has begun
                if (words[1] == "UNIT")
                {
                    Assert.True(isOpenMetrics && unit.Length == 0 && name.EndsWith($"_{words[3]}", StringComparison.Ordinal), line);
                    unit = words[3];
                    continue;
                }

                Assert.Equal(("HELP", ""), (words[1], help));
                help = words[3];
                continue;
            }

            samples.Add(ReadSample(line, isOpenMetrics));
        }

        End();
        return families;

        void End()
        {
            if (name.Length > 0)
            {
                Check(name, type, samples, isOpenMetrics);
                Assert.True(families.TryAdd(name, new Family(name, type, unit, help, samples)), $"{name} stands there twice");
            }
        }
    }

    private static Sample ReadSample(string line, bool isOpenMetrics)
    {
        var match = Line().Match(line);
        Assert.True(match.Success, line);
        var labels = LabelPair().Matches(match.Groups["labels"].Value)
            .ToDictionary(static pair => pair.Groups["name"].Value, static pair => Regex.Replace(pair.Groups["value"].Value, @"\\(.)", static c => c.Groups[1].Value == "n" ? "\n" : c.Groups[1].Value));
        Exemplar? exemplar = null;
        if (match.Groups["exemplar"].Success)
        {
            Assert.True(isOpenMetrics, line);
            exemplar = new Exemplar(match.Groups["trace"].Value, Number(match.Groups["observed"].Value));
        }

        return new Sample(match.Groups["name"].Value, labels, Number(match.Groups["value"].Value), exemplar);
    }

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
    };

    private static void Check(string name, string type, List<Sample> samples, bool isOpenMetrics)
    {
        Assert.Equal(samples.Count, samples.DistinctBy(static sample => (sample.Name, sample.Series())).Count());
        string[] suffixes = type switch
        {
            "counter" => isOpenMetrics ? ["_total"] : [""],
            "histogram" => ["_bucket", "_sum", "_count"],
            "info" => ["_info"],
            _ => [""],
        };
        Assert.All(samples, sample => Assert.Contains(sample.Name, suffixes.Select(suffix => name + suffix)));
        if (type != "histogram")
        {
            Assert.All(samples, sample => Assert.True(type == "gauge" || sample.Value >= 0, $"{sample}"));
            return;
        }

        foreach (var series in samples.GroupBy(static sample => sample.Series("le")))
        {
            var buckets = series.Where(sample => sample.Name == $"{name}_bucket").ToArray();
            var bounds = buckets.Select(static bucket => Number(bucket.Labels["le"])).ToArray();
            Assert.Equal(bounds.Order(), bounds);
            Assert.Equal(double.PositiveInfinity, bounds[^1]);
            var counts = buckets.Select(static bucket => bucket.Value).ToArray();
            Assert.Equal(counts.Order(), counts);
            Assert.Equal(counts[^1], Assert.Single(series, sample => sample.Name == $"{name}_count").Value);
            Assert.Single(series, sample => sample.Name == $"{name}_sum");
            for (var i = 0; i < buckets.Length; i++)
            {
                if (buckets[i].Exemplar is { } exemplar)
                {
                    Assert.True(exemplar.Value <= bounds[i] && (i == 0 || exemplar.Value > bounds[i - 1]), $"{exemplar} in {buckets[i]}");
                }
            }
        }
    }

    [GeneratedRegex("""^(?<name>[a-zA-Z_][a-zA-Z0-9_]*)(\{(?<labels>[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*")*)\})? (?<value>[+-]?([0-9.]+([eE][+-]?[0-9]+)?|Inf)|NaN)(?<exemplar> # \{trace_id="(?<trace>[0-9a-f]{32})",span_id="[0-9a-f]{16}"\} (?<observed>[0-9.eE+-]+) [0-9]+\.[0-9]{3})?$""")]
    private static partial Regex Line();

    [GeneratedRegex("""(?<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>([^"\\]|\\["\\n])*)"(,|$)""")]
    private static partial Regex LabelPair();
}
