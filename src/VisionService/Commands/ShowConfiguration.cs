using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.Configuration.Memory;

namespace VisionService.Commands;

/// <summary>Prints every setting as it is in effect, and where its value comes from; secrets are masked.</summary>
internal sealed partial class ShowConfiguration(
    IEnumerable<OptionSection> sections, IServiceProvider services, IConfiguration configuration)
{
    private const string Mask = "********";
    private const string Nothing = "-";

    public async Task<int> RunAsync(TextWriter output, TextWriter progress, CancellationToken cancellationToken)
    {
        var lines = sections.OrderBy(static section => section.Name, StringComparer.Ordinal)
            .SelectMany(section => Lines(section.Name, section.Read(services)))
            .ToArray();
        var width = lines.Max(static line => line.Key.Length);
        foreach (var (key, value, source) in lines)
        {
            await output.WriteLineAsync($"{key.PadRight(width)}  {value}  ({source})".AsMemory(), cancellationToken);
        }

        return 0;
    }

    private static string Text(object? value) => value switch
    {
        null or "" => Nothing,
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    // Salted hashes are no secrets, but nobody's business either.
    [GeneratedRegex("(Password|Secret|Token|Hash|Keys|ApiKey)$", RegexOptions.IgnoreCase)]
    private static partial Regex SecretName();

    // The credentials of a URL.
    [GeneratedRegex("(?<=://)[^/@]*(?=@)")]
    private static partial Regex Credentials();

    private IEnumerable<(string Key, string Value, string Source)> Lines(string section, object options)
    {
        foreach (var setting in OptionSection.Settings(options.GetType()))
        {
            var key = $"{section}:{setting.Name}";
            var value = setting.GetValue(options);
            var below = value switch
            {
                IDictionary { Count: > 0 } map => map.Keys.Cast<object>().Select(name => ($"{key}:{name}", map[name])),
                string => [(key, value)],
                IEnumerable list => list.Cast<object?>()
                    .Select((item, index) => ($"{key}:{index}", item))
                    .DefaultIfEmpty((key, null)),
                _ => new[] { (key, value) },
            };
            var isSecret = SecretName().IsMatch(setting.Name)
                || setting.GetCustomAttribute<DataTypeAttribute>()?.DataType == DataType.Password;
            foreach (var (name, item) in below)
            {
                if (item is not null && OptionSection.IsSection(item.GetType()))
                {
                    foreach (var line in Lines(name, item))
                    {
                        yield return line;
                    }

                    continue;
                }

                var text = Text(item);
                yield return (name, isSecret && text != Nothing ? Mask : Credentials().Replace(text, Mask), Source(name));
            }
        }
    }

    /// <summary>Which of the sources has the last word on a key.</summary>
    private string Source(string key) => Source((IConfigurationRoot)configuration, key) ?? "default";

    private static string? Source(IConfigurationRoot root, string key)
    {
        foreach (var provider in root.Providers.Reverse())
        {
            if (!provider.TryGet(key, out _))
            {
                continue;
            }

            return provider switch
            {
                EnvironmentVariablesConfigurationProvider => "environment",
                MemoryConfigurationProvider => "command line",
                FileConfigurationProvider file => file.Source.Path ?? "a file",
                ChainedConfigurationProvider { Configuration: IConfigurationRoot inner } => Source(inner, key),
                _ => provider.ToString(),
            };
        }

        return null;
    }
}
