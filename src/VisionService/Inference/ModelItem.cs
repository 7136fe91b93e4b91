using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace VisionService.Inference;

/// <summary>What one item feeds to one input of a session: the shape without the batch axis.</summary>
internal sealed record TensorShape(TensorElementType Type, params long[] Dimensions)
{
    public int Length { get; } = checked((int)Dimensions.Aggregate(1L, static (product, size) => checked(product * size)));

    /// <summary>0 for texts, which are not of one size.</summary>
    public int Bytes => checked(Length * ElementBytes(Type)
        ?? (Type == TensorElementType.String ? 0 : throw new NotSupportedException($"An input of {Type} cannot be fed.")));

    /// <summary>The size of one element; null where elements have none of their own.</summary>
    public static int? ElementBytes(TensorElementType type) => type switch
    {
        TensorElementType.Float or TensorElementType.Int32 or TensorElementType.UInt32 => 4,
        TensorElementType.Int64 or TensorElementType.UInt64 or TensorElementType.Double => 8,
        TensorElementType.Float16 or TensorElementType.BFloat16 or TensorElementType.Int16 or TensorElementType.UInt16 => 2,
        TensorElementType.UInt8 or TensorElementType.Int8 or TensorElementType.Bool => 1,
        _ => null,
    };

    public bool Equals(TensorShape? other) =>
        other is not null && Type == other.Type && Dimensions.AsSpan().SequenceEqual(other.Dimensions);

    public override int GetHashCode() => HashCode.Combine(Type, Length);
}

/// <summary>One row of a batch to be, or a run by itself: what it feeds to each input of its session, in a rented
/// buffer that goes back on disposal.</summary>
internal sealed class ModelItem : IDisposable
{
    private readonly int[] _starts;
    private readonly byte[][]?[] _texts;
    private byte[]? _rented;

    public ModelItem(ModelSession session, params TensorShape[] shapes)
    {
        (Session, Shapes, _starts, _texts) = (session, shapes, new int[shapes.Length], new byte[shapes.Length][][]);
        var length = 0;
        for (var i = 0; i < shapes.Length; i++)
        {
            _starts[i] = length;
            length = checked(length + ((shapes[i].Bytes + 7) & ~7)); // each tensor aligned for its widest elements
        }

        _rented = ArrayPool<byte>.Shared.Rent(length);
    }

    public ModelItem(ModelSession session, ModelInput image)
        : this(session, new TensorShape(TensorElementType.UInt8, image.Channels, image.Height, image.Width))
    {
    }

    public ModelSession Session { get; }

    /// <summary>Whether the shapes are those of whole tensors, with the batch axis if there is one: such an item runs
    /// alone.</summary>
    public bool IsWhole { get; init; }

    /// <summary>In the order of the session's inputs.</summary>
    public IReadOnlyList<TensorShape> Shapes { get; }

    /// <summary>How large it is against the session's usual item, for what it costs.</summary>
    public double Size { get; init; } = 1;

    /// <summary>An image's <c>[C, H, W]</c>.</summary>
    public Span<byte> Planes => Bytes(0);

    public Span<byte> Bytes(int input) => (_rented ?? throw new ObjectDisposedException(nameof(ModelItem)))
        .AsSpan(_starts[input], Shapes[input].Bytes);

    public Span<T> Elements<T>(int input)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(Bytes(input));

    /// <summary>The memory of an input, to be pinned.</summary>
    public Memory<byte> Memory(int input) => (_rented ?? throw new ObjectDisposedException(nameof(ModelItem)))
        .AsMemory(_starts[input], Shapes[input].Bytes);

    /// <summary>The elements of an input of texts, in UTF-8.</summary>
    public IReadOnlyList<byte[]> Texts(int input) => _texts[input] ?? [];

    /// <inheritdoc cref="Texts"/>
    public void SetTexts(int input, byte[][] texts) => _texts[input] = texts;

    /// <summary>Whether both can be rows of one batch.</summary>
    public bool Matches(ModelItem other) =>
        !IsWhole && !other.IsWhole && Session == other.Session && Shapes.SequenceEqual(other.Shapes);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _rented, null) is { } rented)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
