using Google.Protobuf;
using OnnxGraph.Proto;

namespace OnnxGraph;

public sealed partial class Graph
{
    private readonly bool _hasExternalData;

    /// <summary>Reads a model file and, into memory, the external data that it names.</summary>
    /// <param name="path">The <c>.onnx</c> file, a plain one. External data must lie in its folder or below it, in plain
    /// files: absolute paths, <c>..</c>, symbolic links and hard links are refused, as they could reach any file.</param>
    /// <param name="maxBytes">The most that the file and its external data may have together.</param>
    /// <exception cref="OnnxGraphException">The file is no readable model; the message says what it is instead, or what
    /// in it is too much or does not fit together.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static Graph Load(string path, long maxBytes = long.MaxValue)
    {
        var bytes = ModelFile.ReadAll(path, maxBytes);
        var name = $"'{Path.GetFileName(path)}'";
        var model = ModelFile.Parse(bytes, name);
        ModelCheck.Run(model, name);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return Ordered(new(model, ExternalData.Inline(model, folder, maxBytes - bytes.Length)));
    }

    /// <summary>Reads a model from the bytes of its file; one with external data must be loaded from its
    /// path.</summary>
    /// <exception cref="OnnxGraphException">The bytes are no readable model; the message says what they
    /// are.</exception>
    public static Graph Parse(ReadOnlySpan<byte> bytes)
    {
        var model = ModelFile.Parse(bytes, "The model");
        ModelCheck.Run(model, "The model");
        ExternalData.Inline(model, folder: null);
        return Ordered(new(model));
    }

    /// <summary>The model as one file's bytes, as an inference session takes them; external data is inlined.</summary>
    /// <exception cref="OnnxGraphException">It exceeds protobuf's 2 GiB (then <see cref="Save"/> it, and give the
    /// session
    /// the path), or its nodes form a cycle.</exception>
    public byte[] ToBytes()
    {
        Flush();
        var size = ModelFile.SizeOf(_model);
        return size <= ModelFile.MaxBytes
            ? _model.ToByteArray()
            : throw new OnnxGraphException(
                $"The model has {size} bytes, protobuf allows {ModelFile.MaxBytes}: save it with external data instead.");
    }

    /// <summary>Writes the model file, and large tensors to <c>{file name}.data</c> beside it where they have to go
    /// there:
    /// where the model came with external data or is larger than <paramref name="maxFileBytes"/>.</summary>
    /// <param name="path">The file; it and its data file are replaced only once they are complete.</param>
    /// <param name="maxFileBytes">The largest model kept in one file; 1 GiB unless told otherwise.</param>
    /// <exception cref="OnnxGraphException">The nodes form a cycle.</exception>
    public void Save(string path, long maxFileBytes = 1L << 30)
    {
        Flush();
        if (_hasExternalData || ModelFile.SizeOf(_model) > maxFileBytes)
        {
            ModelFile.Write(path, ExternalData.Extract(_model, path + ".data"));
        }
        else
        {
            ModelFile.Write(path, _model);
        }
    }

    /// <summary>An independent copy; tensors' bytes are shared, as they never change.</summary>
    public Graph Clone()
    {
        Flush();
        return new(_model.Clone(), _hasExternalData);
    }

    /// <summary>The nodes, put in order first.</summary>
    internal IEnumerable<Node> InOrder()
    {
        TopologicalOrder.Restore(_nodes, Producer);
        return _nodes;
    }

    internal GraphProto ToBody()
    {
        Flush();
        return Proto.Clone();
    }

    /// <summary>The graph, once it is known to have an order.</summary>
    private static Graph Ordered(Graph graph)
    {
        TopologicalOrder.Restore(graph._nodes, graph.Producer);
        return graph;
    }

    private void Flush()
    {
        TopologicalOrder.Restore(_nodes, Producer);
        Replace(Proto.Node, _nodes.Select(node => node.Proto));
        Replace(Proto.Initializer, _initializers.Select(entry => Named(entry.Value.Proto, entry.Key)));
        if (!ByName(Proto.ValueInfo).Values.SequenceEqual(_types.Values, ReferenceEqualityComparer.Instance))
        {
            Replace(Proto.ValueInfo, _types.Values);                // not otherwise: some tools write a value twice
        }

        Replace(
            _model.MetadataProps,
            _metadata.Select(entry => new StringStringEntryProto { Key = entry.Key, Value = entry.Value }));
    }

    private static void Replace<T>(Google.Protobuf.Collections.RepeatedField<T> items, IEnumerable<T> replacement)
    {
        items.Clear();
        items.AddRange(replacement);
    }

    private static TensorProto Named(TensorProto tensor, string name)
    {
        return tensor.Name == name ? tensor : new(tensor) { Name = name };
    }
}
