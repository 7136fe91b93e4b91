using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace VisionService.Inference;

/// <summary>What one item feeds to one input of a session: the shape without the batch axis.</summary>
internal sealed record TensorShape(TensorElementType Type, params long[] Dimensions)
{
    public int Length { get; } = checked((int)Dimensions.Aggregate(1L, static (product, size) => product * size));

    public int Bytes => Length * Type switch
    {
        TensorElementType.Float or TensorElementType.Int32 => 4,
        TensorElementType.Int64 or TensorElementType.Double => 8,
        TensorElementType.Float16 or TensorElementType.Int16 or TensorElementType.UInt16 => 2,
        TensorElementType.UInt8 or TensorElementType.Int8 or TensorElementType.Bool => 1,
        _ => throw new NotSupportedException($"An input of {Type} cannot be batched."),
    };

    public bool Equals(TensorShape? other) =>
        other is not null && Type == other.Type && Dimensions.AsSpan().SequenceEqual(other.Dimensions);

    public override int GetHashCode() => HashCode.Combine(Type, Length);
}

/// <summary>One row of a batch to be: what it feeds to each input of its session, in a rented buffer that goes back on
/// disposal.</summary>
internal sealed class ModelItem : IDisposable
{
    private readonly int[] _starts;
    private byte[]? _rented;

    public ModelItem(ModelSession session, params TensorShape[] shapes)
    {
        (Session, Shapes, _starts) = (session, shapes, new int[shapes.Length]);
        var length = 0;
        for (var i = 0; i < shapes.Length; i++)
        {
            _starts[i] = length;
            length += (shapes[i].Bytes + 7) & ~7; // each tensor aligned for its widest elements
        }

        _rented = ArrayPool<byte>.Shared.Rent(length);
    }

    public ModelItem(ModelSession session, ModelInput image)
        : this(session, new TensorShape(TensorElementType.UInt8, image.Channels, image.Height, image.Width))
    {
    }

    public ModelSession Session { get; }

    /// <summary>In the order of the session's inputs.</summary>
    public IReadOnlyList<TensorShape> Shapes { get; }

    /// <summary>An image's <c>[C, H, W]</c>.</summary>
    public Span<byte> Planes => Bytes(0);

    public Span<byte> Bytes(int input) => (_rented ?? throw new ObjectDisposedException(nameof(ModelItem)))
        .AsSpan(_starts[input], Shapes[input].Bytes);

    public Span<T> Elements<T>(int input)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(Bytes(input));

    /// <summary>Whether both can be rows of one batch.</summary>
    public bool Matches(ModelItem other) => Session == other.Session && Shapes.SequenceEqual(other.Shapes);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _rented, null) is { } rented)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
