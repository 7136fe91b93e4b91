namespace OnnxGraph.Tests;

/// <summary>Models from the field, which lie beside the repository on some machines; tests that want one are skipped elsewhere.</summary>
internal static class RealModels
{
    private static readonly string? Folder = SharedData.Folder("models");

    public static string Path(string name)
    {
        Assert.SkipUnless(Folder is not null, "needs the real models in ../shared/data/models, which are not here");
        return System.IO.Path.Combine(Folder!, name);
    }

    public static TheoryData<string> All()
    {
        var files = Folder is null ? ["none"] : Directory.GetFiles(Folder, "*.onnx").Concat(Directory.GetFiles($"{Folder}/light"));
        return [.. files.Select(file => System.IO.Path.GetRelativePath(Folder ?? ".", file)).Order(StringComparer.Ordinal)];
    }
}
