using OnnxGraph;
using VisionService.Inference;

namespace VisionService.Repository;

/// <summary>A model on its way from files to an answer: what was read, and what is concluded from it step by
/// step.</summary>
internal sealed class ModelDraft(ModelFiles files, Manifest manifest, Graph graph)
{
    private readonly List<Evidence> _evidence = [];
    private readonly List<Action<Graph>> _inputRewrites = [];

    public ModelFiles Files => files;

    /// <summary>All that is said of the model, by whomever.</summary>
    public Manifest Manifest => manifest;

    /// <summary>The graph, which loading rewrites in place.</summary>
    public Graph Graph => graph;

    /// <summary>What the file takes, before loading rewrote anything.</summary>
    public IReadOnlyList<GraphTensor> FileInputs { get; } = [.. graph.Inputs.Select(Tensor)];

    /// <summary>What the file gives.</summary>
    public IReadOnlyList<GraphTensor> FileOutputs { get; } = [.. graph.Outputs.Select(Tensor)];

    /// <summary>How the image gets into the graph; kept, because who explains an answer reads the file again.</summary>
    public IReadOnlyList<Action<Graph>> InputRewrites => _inputRewrites;

    public IReadOnlyList<Evidence> Evidence => _evidence;

    /// <summary>The graph's file, as it was before it was read.</summary>
    public required LoadedFile File { get; init; }

    /// <summary>Labels from wherever they are said; null where there are none.</summary>
    public LabelList? Labels { get; init; }

    /// <summary>How this model's items are batched; set once its session is open.</summary>
    public BatchingOptions Batching { get; set; } = new(1, 1, TimeSpan.Zero, 1);

    /// <summary>What holds where a request says nothing: the manifest's word, then the family's.</summary>
    public ManifestOutput Defaults { get; set; } = manifest.Output;

    /// <summary>Rewrites the graph's inputs, here and wherever the file is read again.</summary>
    public void RewriteInput(Action<Graph> rewrite)
    {
        rewrite(graph);
        _inputRewrites.Add(rewrite);
    }

    /// <summary>Keeps a conclusion for the inventory and the log.</summary>
    public void Conclude(string subject, string conclusion, string source) =>
        _evidence.Add(new Evidence(subject, conclusion, source));

    /// <summary>What is said if it is, else what was concluded otherwise; kept as evidence either way.</summary>
    public T Choose<T>(string subject, Func<Manifest, T?> key, T otherwise, string source)
        where T : struct
    {
        var said = key(manifest);
        var choice = said ?? otherwise;
        Conclude(subject, $"{choice}", said is null ? source : SourceOf(layer => key(layer)));
        return choice;
    }

    /// <summary>Who says a thing, for evidence and messages.</summary>
    public string SourceOf(Func<Manifest, object?> key) => manifest.SourceOf(key);

    private static GraphTensor Tensor(Value value) => new(
        value.Name,
        Datatypes.Of((int)value.Type),
        value.Shape?.Select(static dimension => dimension.Size ?? -1).ToArray());
}
