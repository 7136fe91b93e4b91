namespace OnnxGraph.Tests;

/// <summary>Test data too large for the repository, which lie beside it on some machines.</summary>
internal static class SharedData
{
    /// <returns>The folder <c>../shared/data/{name}</c>; null where it is not there.</returns>
    public static string? Folder(string name)
    {
        var folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "VisionService.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        var data = folder is null ? null : Path.GetFullPath(Path.Combine(folder, "../shared/data", name));
        return Directory.Exists(data) ? data : null;
    }
}
