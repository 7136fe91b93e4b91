using System.Globalization;
using Google.Protobuf;
using OnnxGraph.Proto;
using static OnnxGraph.Proto.TensorProto.Types;

namespace OnnxGraph;

/// <summary>Tensors kept in files beside the model: reads them in, writes them out, and lets none lead out of the
/// folder.</summary>
internal static class ExternalData
{
    // ONNX's advice: whole pages, so that a runtime can map the file.
    private const int Alignment = 4096;

    // Small tensors (shapes, scales) stay in the model, where runtimes look at their values while they load it.
    private const int MinBytes = 1024;

    /// <summary>Every tensor of a model: initializers, attributes, sparse ones, in bodies and functions, too.</summary>
    public static IEnumerable<TensorProto> TensorsIn(ModelProto model)
    {
        return TensorsIn(model.Graph)
            .Concat(model.Functions.SelectMany(function => function.Node).SelectMany(TensorsIn))
            .Concat(model.TrainingInfo.SelectMany(training =>
                TensorsIn(training.Initialization).Concat(TensorsIn(training.Algorithm))));
    }

    /// <summary>Reads all external tensors into the model and says whether there were any.</summary>
    /// <param name="model">The model, changed in place.</param>
    /// <param name="folder">The model's folder; null where only bytes are known.</param>
    /// <param name="maxBytes">The most that they may have together.</param>
    public static bool Inline(ModelProto model, string? folder, long maxBytes = long.MaxValue)
    {
        var found = false;
        var left = maxBytes;
        foreach (var tensor in TensorsIn(model).Where(tensor => tensor.DataLocation == DataLocation.External))
        {
            var entries = tensor.ExternalData.ToLookup(entry => entry.Key, entry => entry.Value);
            var location = entries["location"].LastOrDefault() ?? "";
            if (folder is null)
            {
                throw new OnnxGraphException(
                    $"The tensor '{tensor.Name}' lies in the file '{location}' beside the model: "
                    + "load the model from its path.");
            }

            using var file = ExternalFile.Open(folder, location, tensor.Name);
            var offset = ReadNumber(entries["offset"].LastOrDefault(), 0, "offset", tensor);
            var length = ReadNumber(entries["length"].LastOrDefault(), file.Length - offset, "length", tensor);
            if (length != TensorElements.BytesOf(tensor) && TensorElements.BytesOf(tensor) is not null)
            {
                throw new OnnxGraphException(
                    $"The tensor '{tensor.Name}' of {new Tensor(tensor)} has {length} bytes in '{location}'; "
                    + $"it needs {TensorElements.BytesOf(tensor)}.");
            }

            if (length > Array.MaxLength)
            {
                throw new OnnxGraphException(
                    $"The tensor '{tensor.Name}' has {length} bytes; one tensor may have {Array.MaxLength}.");
            }

            if (offset > file.Length || length > file.Length - offset)
            {
                throw new OnnxGraphException(
                    $"The tensor '{tensor.Name}' should be {length} bytes from byte {offset} on in '{location}', "
                    + $"which has only {file.Length} bytes; was the copy or download complete?");
            }

            // Many tensors may name the same bytes, and each gets its own.
            if ((left -= length) < 0)
            {
                throw new OnnxGraphException(
                    $"The tensor '{tensor.Name}' has {length} bytes in '{location}': with it, the external data has more "
                    + $"than the {maxBytes} bytes that are read.");
            }

            file.Position = offset;
            var bytes = new byte[length];
            file.ReadExactly(bytes);
            tensor.RawData = UnsafeByteOperations.UnsafeWrap(bytes);
            tensor.ClearDataLocation();
            tensor.ExternalData.Clear();
            found = true;
        }

        return found;
    }

    /// <summary>Writes all larger tensors to a file and returns a copy of the model that points there.</summary>
    public static ModelProto Extract(ModelProto model, string path)
    {
        var copy = model.Clone();
        var unfinished = path + ".unfinished";
        using (var file = File.Create(unfinished))
        {
            foreach (var tensor in TensorsIn(copy).Where(tensor => tensor.RawData.Length >= MinBytes))
            {
                file.Position = (file.Position + Alignment - 1) / Alignment * Alignment;
                tensor.ExternalData.Add(Entry("location", Path.GetFileName(path)));
                tensor.ExternalData.Add(Entry("offset", $"{file.Position}"));
                tensor.ExternalData.Add(Entry("length", $"{tensor.RawData.Length}"));
                tensor.DataLocation = DataLocation.External;
                file.Write(tensor.RawData.Span);
                tensor.ClearRawData();
            }
        }

        File.Move(unfinished, path, overwrite: true);
        return copy;
    }

    private static StringStringEntryProto Entry(string key, string value) => new() { Key = key, Value = value };

    private static IEnumerable<TensorProto> TensorsIn(GraphProto? graph)
    {
        return graph is null ? [] : graph.Initializer
            .Concat(graph.SparseInitializer.SelectMany(TensorsIn))
            .Concat(graph.Node.SelectMany(TensorsIn));
    }

    private static IEnumerable<TensorProto> TensorsIn(NodeProto node)
    {
        return node.Attribute.SelectMany(attribute => attribute.Tensors
            .Concat(attribute.T is null ? [] : [attribute.T])
            .Concat(attribute.SparseTensor is null ? [] : TensorsIn(attribute.SparseTensor))
            .Concat(attribute.SparseTensors.SelectMany(TensorsIn)))
            .Concat(Bodies.Of(node).SelectMany(TensorsIn));
    }

    private static IEnumerable<TensorProto> TensorsIn(SparseTensorProto sparse) =>
        new[] { sparse.Values, sparse.Indices }.Where(tensor => tensor is not null);

    private static long ReadNumber(string? text, long absent, string key, TensorProto tensor)
    {
        var number = absent;
        return (text is null || long.TryParse(text, CultureInfo.InvariantCulture, out number)) && number >= 0
            ? number
            : throw new OnnxGraphException(
                $"The tensor '{tensor.Name}' has the {key} '{text ?? $"{absent}"}' in its external data.");
    }
}
