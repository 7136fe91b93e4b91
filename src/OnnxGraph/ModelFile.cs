using System.Text;
using Google.Protobuf;
using OnnxGraph.Proto;

namespace OnnxGraph;

/// <summary>The bytes of a model file: reads them, writes them, and tells what they are where they are no
/// model.</summary>
internal static class ModelFile
{
    public const long MaxBytes = int.MaxValue;

    private static readonly (byte[] Magic, int Offset, string Meaning)[] Formats =
    [
        ("version https://git-lfs"u8.ToArray(), 0, "is a Git LFS pointer, not the model; fetch it with 'git lfs pull'"),
        ("PK\x03\x04"u8.ToArray(), 0, "is a zip archive (PyTorch, Keras?), not an ONNX model; unpack or export it"),
        ([0x1f, 0x8b], 0, "is compressed with gzip; unpack it first"),
        ("\x89HDF"u8.ToArray(), 0, "is an HDF5 file (Keras weights), not an ONNX model; export it to ONNX"),
        ("ORTM"u8.ToArray(), 4, "is in ONNX Runtime's own .ort format; use the .onnx file it was made from"),
        ("TFL3"u8.ToArray(), 4, "is a TensorFlow Lite model; convert it to ONNX"),
        ([0x80, 0x02], 0, "is a Python pickle (perhaps a PyTorch checkpoint); export it to ONNX"),
        ("ustar"u8.ToArray(), 257, "is a tar archive; unpack it first"),
    ];

    public static byte[] ReadAll(string path, long maxBytes)
    {
        var size = new FileInfo(path).Length;
        if (size == 0)
        {
            // Asked before it is opened: a pipe would wait for a writer, and a device may never end.
            throw new OnnxGraphException($"'{Path.GetFileName(path)}' is empty (0 bytes), or no plain file.");
        }

        if (size > maxBytes)
        {
            throw new OnnxGraphException($"'{Path.GetFileName(path)}' has {size} bytes; at most {maxBytes} are read.");
        }

        return size <= MaxBytes
            ? File.ReadAllBytes(path)
            : throw new OnnxGraphException(
                $"'{Path.GetFileName(path)}' has {size} bytes; an ONNX file holds at most {MaxBytes}, the weights of "
                + "larger models belong in external data.");
    }

    public static ModelProto Parse(ReadOnlySpan<byte> bytes, string name)
    {
        RefuseOtherFormats(bytes, name);
        ModelProto model;
        try
        {
            model = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException exception)
        {
            var reason = exception.Message.Contains("too many levels", StringComparison.Ordinal)
                ? $"nests its messages deeper than {ModelCheck.MaxMessageDepth} levels, which is the most that is read"
                : exception.Message.Contains("ended unexpectedly", StringComparison.Ordinal)
                ? $"is cut off or damaged: a part of the model reaches beyond its {bytes.Length} bytes; "
                    + "was the copy or download complete?"
                : "is not an ONNX model, or is damaged: its bytes are no valid protobuf message";
            throw new OnnxGraphException($"{name} {reason} ({exception.Message.Trim()})", exception);
        }

        return model.Graph is null
            ? throw new OnnxGraphException($"{name} holds no graph: it is not an ONNX model, or an empty one.")
            : model;
    }

    /// <summary>The size of the written model; unlike protobuf's own sum it does not wrap around at 2 GiB.</summary>
    public static long SizeOf(ModelProto model)
    {
        var tensors = ExternalData.TensorsIn(model).Sum(tensor => (long)tensor.RawData.Length);
        return tensors > MaxBytes ? tensors : Math.Max(tensors, (uint)model.CalculateSize());
    }

    public static void Write(string path, ModelProto model)
    {
        var unfinished = path + ".unfinished";
        using (var stream = File.Create(unfinished))
        {
            model.WriteTo(stream);
        }

        File.Move(unfinished, path, overwrite: true);
    }

    private static void RefuseOtherFormats(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.IsEmpty)
        {
            throw new OnnxGraphException($"{name} is empty (0 bytes).");
        }

        foreach (var (magic, offset, meaning) in Formats)
        {
            if (bytes.Length >= offset + magic.Length && bytes[offset..].StartsWith(magic))
            {
                throw new OnnxGraphException($"{name} {meaning}.");
            }
        }

        var start = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, 80)]).TrimStart('\uFEFF').TrimStart();
        var line = start.Split('\n')[0].Trim();
        if (start.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
            || start.StartsWith("<html", StringComparison.OrdinalIgnoreCase))
        {
            throw new OnnxGraphException(
                $"{name} starts with '{line[..Math.Min(line.Length, 14)]}': it is a web page, not an ONNX model; "
                + "was it saved from a browser?");
        }

        if (bytes[..Math.Min(bytes.Length, 64)].IndexOfAnyExceptInRange((byte)' ', (byte)'~') is -1 or > 15
            && start.Length > 0 && (start[0] is '<' or '{' or '#' || char.IsAsciiLetterOrDigit(start[0])))
        {
            throw new OnnxGraphException($"{name} starts with '{line}': it is text, not an ONNX model.");
        }
    }
}
