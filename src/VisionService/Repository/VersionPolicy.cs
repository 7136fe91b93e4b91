using System.Globalization;

namespace VisionService.Repository;

/// <summary>Which of a model's versions are served; Triton's three policies.</summary>
/// <param name="Latest">So many of the highest; null: not by number.</param>
/// <param name="Only">These alone; null with <paramref name="Latest"/> null: all of them.</param>
internal sealed record VersionPolicy(int? Latest, IReadOnlyList<string>? Only)
{
    /// <summary>The highest version alone, where nothing else is said.</summary>
    public static VersionPolicy Default { get; } = new(1, null);

    public static VersionPolicy All { get; } = new(null, null);

    /// <summary><c>{latest: 2}</c>, <c>all</c>, or a list of versions; null where the key is absent.</summary>
    /// <exception cref="ModelLoadException">It is none of these.</exception>
    public static VersionPolicy? Read(YamlSection yaml, string key)
    {
        if (yaml.Texts(key) is { } versions)
        {
            return versions.Count > 0 && versions.All(IsVersion)
                ? new VersionPolicy(null, versions)
                : throw Wrong(yaml, key);
        }

        if (!yaml.IsMapping(key))
        {
            return yaml.Text(key) switch
            {
                null => null,
                "all" => All,
                _ => throw Wrong(yaml, key),
            };
        }

        var section = yaml.Section(key);
        var latest = section.Integer("latest", 1, 1000) ?? throw Wrong(yaml, key);
        section.End();
        return new VersionPolicy(latest, null);
    }

    /// <summary>Whether the name of a folder is that of a version: a whole number from 1 on, written in one
    /// way.</summary>
    public static bool IsVersion(string folder) => folder is [>= '1' and <= '9', ..]
        && long.TryParse(folder, NumberStyles.None, CultureInfo.InvariantCulture, out _);

    /// <summary>The versions to serve, highest first, among those there are; one that is asked for by number is among
    /// them whether it is there or not.</summary>
    public IReadOnlyList<string> Choose(IEnumerable<string> versions)
    {
        var chosen = (Only ?? versions).Distinct()
            .OrderByDescending(static version => long.Parse(version, CultureInfo.InvariantCulture));
        return [.. Latest is { } latest ? chosen.Take(latest) : chosen];
    }

    private static ModelLoadException Wrong(YamlSection yaml, string key) =>
        yaml.Wrong(key, "{latest: n}, all, or a list of versions such as [1, 3]");
}
