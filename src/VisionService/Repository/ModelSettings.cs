using OnnxGraph;
using VisionService.Inference;
using VisionService.Repository.SideFiles;

namespace VisionService.Repository;

/// <summary>All that is said of a model beside its graph, laid one over the other: <c>vision.yaml</c>, a label file,
/// the side files of other tools, and what the graph's file says of itself.</summary>
internal static class ModelSettings
{
    // The first word first. What a server is told comes before what an exporter wrote; what describes the pixels before
    // what describes the architecture.
    private static readonly OrderedDictionary<string, Func<string, Manifest>> Readers = new()
    {
        [TritonConfig.FileName] = TritonConfig.Read,
        [HuggingFaceProcessor.FileName] = HuggingFaceProcessor.Read,
        [HuggingFaceProcessor.CombinedFileName] = HuggingFaceProcessor.ReadCombined,
        [HuggingFaceConfig.FileName] = ReadConfig,
        [MmdeployPipeline.FileName] = MmdeployPipeline.Read,
        [MmdeployPipeline.DetailFileName] = MmdeployPipeline.ReadDetail,
        [MmdeployPipeline.DeployFileName] = MmdeployPipeline.ReadDeploy,
        [PaddleConfig.FileName] = PaddleConfig.Read,
        [TensorFlowFiles.LabelsFileName] = TensorFlowFiles.ReadLabels,
        [TensorFlowFiles.PipelineFileName] = TensorFlowFiles.ReadPipeline,
        [UltralyticsMetadata.FileName] = UltralyticsMetadata.Read,
    };

    /// <summary>The names of the side files, the first word first.</summary>
    public static IEnumerable<string> Files => Readers.Keys;

    /// <summary>The merged settings, whose layers tell who said what; the manifest's own, or an empty one, is the
    /// first.</summary>
    /// <exception cref="ModelLoadException">A file is malformed, too large, or lies elsewhere; the message names
    /// it.</exception>
    public static Manifest Read(ModelFiles files, Graph graph)
    {
        var settings = files.Manifest is null ? Manifest.Empty : Manifest.Read(files.Manifest);
        if (files.Labels is { } labels)
        {
            var name = Path.GetFileName(labels);
            settings = settings.Over(Manifest.Empty with { Source = name, Labels = new ManifestLabels(null, name) });
        }

        foreach (var file in Readers.Keys)
        {
            if (files.Find(file) is { } path)
            {
                settings = settings.Over(ReadFile(file, SideText.Read(path, files.Folder!)));
            }
        }

        return settings.Over(UltralyticsMetadata.Read(graph.Metadata.ToDictionary()));
    }

    /// <summary>The labels that the settings hold or name; null where there are none.</summary>
    /// <exception cref="ModelLoadException">The file that they name is not there, or not of labels.</exception>
    public static LabelList? ReadLabels(ModelFiles files, Manifest settings)
    {
        if (settings.Labels is not { } said)
        {
            return null;
        }

        if (said.Names is { } names)
        {
            return LabelFile.FromEntries(names);
        }

        var source = settings.SourceOf(static layer => layer.Labels);
        return source == Path.GetFileName(files.Labels) ? LabelFile.Read(files.Labels!, files.Folder)
            : LabelSets.Find(said.File!) ?? LabelFile.Read(files.Beside(source, said.Key, said.File!), files.Folder);
    }

    /// <summary>One side file by its name.</summary>
    /// <exception cref="ModelLoadException">It is malformed.</exception>
    public static Manifest ReadFile(string file, string text)
    {
        try
        {
            return Readers[file](text);
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException)
        {
            // System.Text.Json, of half a surrogate pair such as "\ud800" when it is read or written.
            throw new ModelLoadException($"{file} holds what is no text: {exception.Message}", exception);
        }
    }

    private static Manifest ReadConfig(string text)
    {
        var config = SideSection.OfJson(text, HuggingFaceConfig.FileName);
        return TimmConfig.IsTimm(config) ? TimmConfig.Read(config) : HuggingFaceConfig.Read(config);
    }
}
