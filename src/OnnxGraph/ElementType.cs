namespace OnnxGraph;

/// <summary>The type of a tensor's elements, numbered as in ONNX's <c>TensorProto.DataType</c>.</summary>
/// <remarks>A number outside this list is a type newer than the library: it is carried along unread.</remarks>
public enum ElementType
{
    /// <summary>Not known, or not a tensor (a sequence, a map).</summary>
    Undefined = 0,

    /// <summary>32-bit floating point.</summary>
    Float = 1,

    /// <summary>8-bit unsigned integer.</summary>
    UInt8 = 2,

    /// <summary>8-bit signed integer.</summary>
    Int8 = 3,

    /// <summary>16-bit unsigned integer.</summary>
    UInt16 = 4,

    /// <summary>16-bit signed integer.</summary>
    Int16 = 5,

    /// <summary>32-bit signed integer.</summary>
    Int32 = 6,

    /// <summary>64-bit signed integer.</summary>
    Int64 = 7,

    /// <summary>UTF-8 text.</summary>
    String = 8,

    /// <summary>One byte, 0 or 1.</summary>
    Bool = 9,

    /// <summary>IEEE 754 half precision.</summary>
    Float16 = 10,

    /// <summary>64-bit floating point.</summary>
    Double = 11,

    /// <summary>32-bit unsigned integer.</summary>
    UInt32 = 12,

    /// <summary>64-bit unsigned integer.</summary>
    UInt64 = 13,

    /// <summary>Two 32-bit floats: real, imaginary.</summary>
    Complex64 = 14,

    /// <summary>Two 64-bit floats: real, imaginary.</summary>
    Complex128 = 15,

    /// <summary>The upper half of a 32-bit float.</summary>
    BFloat16 = 16,

    /// <summary>8-bit float, 4 exponent bits, no infinities.</summary>
    Float8E4M3FN = 17,

    /// <summary>8-bit float, 4 exponent bits, no infinities, no negative zero.</summary>
    Float8E4M3FNUZ = 18,

    /// <summary>8-bit float, 5 exponent bits.</summary>
    Float8E5M2 = 19,

    /// <summary>8-bit float, 5 exponent bits, no infinities, no negative zero.</summary>
    Float8E5M2FNUZ = 20,

    /// <summary>4-bit unsigned integer, two in a byte.</summary>
    UInt4 = 21,

    /// <summary>4-bit signed integer, two in a byte.</summary>
    Int4 = 22,

    /// <summary>4-bit float, two in a byte.</summary>
    Float4E2M1 = 23,

    /// <summary>8-bit power of two, the scale of microscaling formats.</summary>
    Float8E8M0 = 24,

    /// <summary>2-bit unsigned integer, four in a byte.</summary>
    UInt2 = 25,

    /// <summary>2-bit signed integer, four in a byte.</summary>
    Int2 = 26,
}
