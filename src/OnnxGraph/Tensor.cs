using System.Runtime.InteropServices;
using Google.Protobuf;
using OnnxGraph.Proto;

namespace OnnxGraph;

/// <summary>A constant tensor, row-major and immutable: an initializer or the value of a <c>Constant</c>
/// node.</summary>
public sealed class Tensor
{
    internal Tensor(TensorProto proto)
    {
        Proto = proto;
    }

    /// <summary>The type of the elements.</summary>
    public ElementType Type => (ElementType)Proto.DataType;

    /// <summary>The dimensions, outermost first; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape => Proto.Dims;

    /// <summary>How many elements the shape holds.</summary>
    public long Count => Proto.Dims.Aggregate(1L, (product, dimension) => checked(product * dimension));

    internal TensorProto Proto { get; }

    /// <summary>A tensor of floats.</summary>
    /// <param name="elements">Row-major, as many as <paramref name="shape"/> holds.</param>
    /// <param name="shape">The dimensions; left out, a vector.</param>
    public static Tensor Of(ReadOnlySpan<float> elements, params ReadOnlySpan<long> shape) =>
        Create(ElementType.Float, MemoryMarshal.AsBytes(elements), elements.Length, shape);

    /// <inheritdoc cref="Of(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor Of(ReadOnlySpan<double> elements, params ReadOnlySpan<long> shape) =>
        Create(ElementType.Double, MemoryMarshal.AsBytes(elements), elements.Length, shape);

    /// <inheritdoc cref="Of(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor Of(ReadOnlySpan<Half> elements, params ReadOnlySpan<long> shape) =>
        Create(ElementType.Float16, MemoryMarshal.AsBytes(elements), elements.Length, shape);

    /// <inheritdoc cref="Of(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor Of(ReadOnlySpan<long> elements, params ReadOnlySpan<long> shape) =>
        Create(ElementType.Int64, MemoryMarshal.AsBytes(elements), elements.Length, shape);

    /// <inheritdoc cref="Of(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor Of(ReadOnlySpan<int> elements, params ReadOnlySpan<long> shape) =>
        Create(ElementType.Int32, MemoryMarshal.AsBytes(elements), elements.Length, shape);

    /// <inheritdoc cref="Of(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor Of(ReadOnlySpan<byte> elements, params ReadOnlySpan<long> shape) =>
        Create(ElementType.UInt8, elements, elements.Length, shape);

    /// <inheritdoc cref="Of(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor Of(ReadOnlySpan<sbyte> elements, params ReadOnlySpan<long> shape) =>
        Create(ElementType.Int8, MemoryMarshal.AsBytes(elements), elements.Length, shape);

    /// <inheritdoc cref="Of(ReadOnlySpan{float}, ReadOnlySpan{long})"/>
    public static Tensor Of(ReadOnlySpan<bool> elements, params ReadOnlySpan<long> shape) =>
        Create(ElementType.Bool, MemoryMarshal.AsBytes(elements), elements.Length, shape);

    /// <summary>A tensor from the bytes of its elements, as a runtime holds them.</summary>
    /// <param name="type">The type of the elements, of at least 8 bits and fixed size.</param>
    /// <param name="bytes">Little-endian, row-major.</param>
    /// <param name="shape">The dimensions; empty for a scalar.</param>
    public static Tensor OfBytes(ElementType type, ReadOnlySpan<byte> bytes, ReadOnlySpan<long> shape)
    {
        var proto = new TensorProto { DataType = (int)type, RawData = ByteString.CopyFrom(bytes) };
        proto.Dims.AddRange(shape.ToArray());
        return new(proto);
    }

    /// <summary>A scalar float (rank 0).</summary>
    public static Tensor Scalar(float value) =>
        Create(ElementType.Float, BitConverter.GetBytes(value), 1, [], scalar: true);

    /// <summary>A scalar double (rank 0).</summary>
    public static Tensor Scalar(double value) =>
        Create(ElementType.Double, BitConverter.GetBytes(value), 1, [], scalar: true);

    /// <summary>A scalar int64 (rank 0).</summary>
    public static Tensor Scalar(long value) =>
        Create(ElementType.Int64, BitConverter.GetBytes(value), 1, [], scalar: true);

    /// <summary>The elements as floats, converted from any real type of at least 8 bits.</summary>
    /// <exception cref="OnnxGraphException">The elements are no real numbers, or fewer than the shape says.</exception>
    public float[] ToFloats() => TensorElements.Read<float>(Proto);

    /// <summary>The elements as int64, converted from any integer or bool type of at least 8 bits.</summary>
    /// <exception cref="OnnxGraphException">The elements are no integers, or fewer than the shape says.</exception>
    public long[] ToInt64s() => TensorElements.Read<long>(Proto);

    /// <inheritdoc/>
    public override string ToString() => $"{Type} [{string.Join(", ", Shape)}]";

    private static Tensor Create(
        ElementType type, ReadOnlySpan<byte> bytes, int count, ReadOnlySpan<long> shape, bool scalar = false)
    {
        var proto = new TensorProto { DataType = (int)type, RawData = ByteString.CopyFrom(bytes) };
        proto.Dims.AddRange(scalar ? [] : shape.IsEmpty ? [count] : shape.ToArray());
        var tensor = new Tensor(proto);
        if (tensor.Count != count)
        {
            throw new ArgumentException($"{count} elements do not fill the shape [{string.Join(", ", proto.Dims)}].");
        }

        return tensor;
    }
}
