namespace VisionService.Tests.Imaging;

/// <summary>Photos and reference arrays that lie beside the checkout, in ../shared/data; a test that needs one is skipped without it.</summary>
internal static class SharedFiles
{
    private static readonly string? Root = Find();

    /// <summary>Whether a fixture may ask for them: where it cannot skip.</summary>
    public static bool AreThere => Root is not null;

    public static string Path(string relative)
    {
        var path = Root is null ? null : System.IO.Path.Combine(Root, relative);
        Assert.SkipUnless(path is not null && (File.Exists(path) || Directory.Exists(path)), $"../shared/data/{relative} is not there.");
        return path!;
    }

    public static byte[] Bytes(string relative) => File.ReadAllBytes(Path(relative));

    public static Npy Reference(string name) => Npy.Read(Path($"explain/ops/{name}.npy"));

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "VisionService.sln")))
            {
                var data = System.IO.Path.Combine(folder.FullName, "..", "shared", "data");
                return Directory.Exists(data) ? data : null;
            }
        }

        return null;
    }
}
