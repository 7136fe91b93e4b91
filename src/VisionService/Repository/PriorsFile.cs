using System.Text.Json;

namespace VisionService.Repository;

/// <summary>The prior boxes of an SSD whose graph does not hold them: a JSON list of <c>[cx, cy, w, h]</c>,
/// 0-1.</summary>
internal static class PriorsFile
{
    /// <param name="file">Beside the manifest.</param>
    /// <returns>Four numbers a prior.</returns>
    /// <exception cref="ModelLoadException">The file is not there, or not such a list.</exception>
    public static float[] Read(ModelFiles files, string file)
    {
        var path = files.BesideManifest("priors", file);
        try
        {
            using var stream = File.OpenRead(path);
            var priors = JsonSerializer.Deserialize<float[][]>(stream) ?? [];
            return priors.Length > 0 && Array.TrueForAll(priors, prior => prior is { Length: 4 })
                ? [.. priors.SelectMany(prior => prior)]
                : throw new ModelLoadException($"'{file}' is not a list of [cx, cy, w, h].");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new ModelLoadException($"'{file}' cannot be read as a list of [cx, cy, w, h]: {exception.Message}", exception);
        }
    }
}
