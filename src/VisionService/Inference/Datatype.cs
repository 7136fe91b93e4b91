namespace VisionService.Inference;

/// <summary>The type of a tensor's elements, by the Open Inference Protocol's names and with ONNX's numbers.</summary>
internal enum Datatype
{
    /// <summary>A type that the protocol has no name for, or no tensor at all.</summary>
    None = 0,
    FP32 = 1,
    UINT8 = 2,
    INT8 = 3,
    UINT16 = 4,
    INT16 = 5,
    INT32 = 6,
    INT64 = 7,

    /// <summary>Texts in UTF-8, or any bytes.</summary>
    BYTES = 8,
    BOOL = 9,
    FP16 = 10,
    FP64 = 11,
    UINT32 = 12,
    UINT64 = 13,
    BF16 = 16,
}

internal static class Datatypes
{
    /// <summary>The type of that number in ONNX; <see cref="Datatype.None"/> where the protocol has none.</summary>
    public static Datatype Of(int onnxType) => Enum.IsDefined((Datatype)onnxType) ? (Datatype)onnxType : Datatype.None;

    /// <exception cref="VisionException">There is no type of that name.</exception>
    public static Datatype Parse(string input, string name) =>
        Enum.TryParse<Datatype>(name, out var type) && type != Datatype.None && type.ToString() == name ? type : throw new VisionException(
            VisionError.InvalidRequest,
            $"Input '{input}' has the datatype '{name}'; there are {string.Join(", ", Enum.GetNames<Datatype>().Skip(1))}.");

    /// <summary>The size of one element; null where elements have none of their own.</summary>
    public static int? ElementBytes(this Datatype type) => TensorShape.ElementBytes((Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)type);
}
