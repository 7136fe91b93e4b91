namespace VisionService.Tests.Detection;

/// <summary>Real models, photos and reference numbers, which lie beside a developer's checkout and are no part of it.</summary>
internal static class SharedData
{
    private static readonly string? Root = Find();

    /// <summary>The file, or the test is skipped with the reason.</summary>
    public static string Path(params string[] parts)
    {
        var path = Root is null ? null : System.IO.Path.Combine([Root, .. parts]);
        Assert.SkipUnless(System.IO.Path.Exists(path), $"No {System.IO.Path.Combine(parts)} in ../shared/data.");
        return path!;
    }

    private static string? Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "VisionService.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.Parent is { } parent ? System.IO.Path.Combine(parent.FullName, "shared", "data") : null;
    }
}
