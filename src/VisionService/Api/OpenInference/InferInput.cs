using System.Buffers.Binary;
using VisionService.Inference;

namespace VisionService.Api.OpenInference;

/// <summary>A tensor that a request feeds. What it says of itself is checked before a byte is taken for its
/// elements.</summary>
internal abstract class InferInput(string name, Datatype datatype, long[] shape, InferParameters parameters)
{
    public string Name => name;

    public Datatype Datatype => datatype;

    public long[] Shape => shape;

    public InferParameters Parameters => parameters;

    /// <summary>Refuses data that cannot be so many elements, before memory is taken for them.</summary>
    /// <param name="bytes">What the elements take together; 0 for texts.</param>
    /// <exception cref="VisionException">There are more or fewer.</exception>
    public abstract void CheckSize(long elements, long bytes);

    /// <summary>Writes the elements, little-endian, row-major.</summary>
    /// <exception cref="VisionException">They are not as many as fit, or one is not of the type.</exception>
    public abstract void CopyTo(Span<byte> destination);

    /// <summary>The elements of a tensor of texts.</summary>
    /// <exception cref="VisionException">There are more or fewer, or one is no text.</exception>
    public abstract byte[][] Texts(long elements);

    protected VisionException WrongSize(string has, string takes) => new(
        VisionError.InvalidRequest, $"Input '{name}' has {has}; {datatype} of shape {Show(shape)} takes {takes}.");

    public static string Show(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}

/// <summary>A tensor that came as it lies in memory; a text stands behind its length in four bytes.</summary>
internal sealed class RawInput(string name, Datatype datatype, long[] shape, InferParameters parameters, ReadOnlyMemory<byte> data)
    : InferInput(name, datatype, shape, parameters)
{
    private const int LengthBytes = sizeof(uint);

    public override void CheckSize(long elements, long bytes)
    {
        if (Datatype == Datatype.BYTES ? elements * LengthBytes > data.Length : bytes != data.Length)
        {
            throw WrongSize($"{data.Length} bytes", Datatype == Datatype.BYTES ? $"{elements * LengthBytes} or more" : $"{bytes}");
        }
    }

    public override void CopyTo(Span<byte> destination)
    {
        data.Span.CopyTo(destination);
        if (Datatype == Datatype.BOOL && destination.ContainsAnyExceptInRange((byte)0, (byte)1))
        {
            throw new VisionException(
                VisionError.InvalidRequest, $"Input '{Name}' holds the byte {destination[destination.IndexOfAnyExceptInRange((byte)0, (byte)1)]}; a BOOL is 0 or 1.");
        }
    }

    public override byte[][] Texts(long elements)
    {
        var rest = data.Span;
        var texts = new byte[elements][];
        for (var i = 0; i < texts.Length; i++)
        {
            if (rest.Length < LengthBytes)
            {
                throw WrongSize($"{i} elements", $"{elements}");
            }

            var length = BinaryPrimitives.ReadUInt32LittleEndian(rest);
            rest = rest[LengthBytes..];
            if (length > rest.Length)
            {
                throw new VisionException(
                    VisionError.InvalidRequest, $"Element {i} of input '{Name}' says it has {length} bytes; {rest.Length} are left.");
            }

            texts[i] = rest[..(int)length].ToArray();
            rest = rest[(int)length..];
        }

        return rest.IsEmpty ? texts : throw WrongSize($"{rest.Length} bytes behind its {elements} elements", "none");
    }
}
