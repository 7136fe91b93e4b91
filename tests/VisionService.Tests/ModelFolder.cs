using OnnxGraph;

namespace VisionService.Tests;

/// <summary>A temporary folder of models, gone on disposal.</summary>
internal sealed class ModelFolder : IDisposable
{
    public const string ColorLabels = "red\ngreen\nblue\n";

    public string Path { get; } = Directory.CreateTempSubdirectory("vision-").FullName;

    /// <summary>A folder with the colour classifier, the smallest model that answers.</summary>
    public static ModelFolder WithColors(string name = "colors") =>
        new ModelFolder().Add(name, TinyModels.Colors(), "input: {preset: unit}", ColorLabels);

    /// <summary>Adds the folder of one model; files that are null are left out.</summary>
    public ModelFolder Add(string name, Graph? graph, string? manifest = null, string? labels = null)
    {
        Directory.CreateDirectory(File(name));
        graph?.Save(File($"{name}/model.onnx"));
        Write($"{name}/vision.yaml", manifest);
        return Write($"{name}/labels.txt", labels);
    }

    public ModelFolder Write(string file, string? text)
    {
        if (text is not null)
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(File(file))!);
            System.IO.File.WriteAllText(File(file), text);
        }

        return this;
    }

    /// <summary>Adds a graph under a name of its own.</summary>
    public ModelFolder Save(string file, Graph graph)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(File(file))!);
        graph.Save(File(file));
        return this;
    }

    public string File(string relative) => System.IO.Path.Combine(Path, relative);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
