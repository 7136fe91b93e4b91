using System.Text.Json;
using VisionService.Repository.SideFiles;

namespace VisionService.Repository;

/// <summary>The prior boxes of an SSD whose graph does not hold them: a JSON list of <c>[cx, cy, w, h]</c>,
/// 0-1.</summary>
internal static class PriorsFile
{
    /// <param name="file">Beside the manifest.</param>
    /// <returns>Four numbers a prior.</returns>
    /// <exception cref="ModelLoadException">The file is not there, or not such a list.</exception>
    public static float[] Read(ModelFiles files, string source, string file)
    {
        var path = files.Beside(source, "priors", file);
        try
        {
            var text = SideText.Read(path, files.Folder ?? Path.GetDirectoryName(path)!, SideText.MaxLabelBytes);
            var priors = JsonSerializer.Deserialize<float[][]>(text) ?? [];
            return priors.Length > 0 && Array.TrueForAll(priors, prior => prior is { Length: 4 })
                ? [.. priors.SelectMany(prior => prior)]
                : throw new ModelLoadException($"'{file}' is not a list of [cx, cy, w, h].");
        }
        catch (JsonException exception)
        {
            throw new ModelLoadException($"'{file}' cannot be read as a list of [cx, cy, w, h]: {exception.Message}", exception);
        }
    }
}
