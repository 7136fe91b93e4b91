using System.Numerics;
using System.Runtime.InteropServices;
using OnnxGraph.Proto;

namespace OnnxGraph;

/// <summary>Reads the elements of a tensor wherever the file keeps them: raw bytes or one of the typed lists.</summary>
internal static class TensorElements
{
    public static T[] Read<T>(TensorProto tensor)
        where T : INumber<T>
    {
        var type = (ElementType)tensor.DataType;
        var elements = type switch
        {
            ElementType.Float => Convert<float, T>(tensor, tensor.FloatData),
            ElementType.Double => Convert<double, T>(tensor, tensor.DoubleData),
            ElementType.Float16 => Convert<Half, T>(tensor, tensor.Int32Data.Select(BitsToHalf)),
            ElementType.BFloat16 => ConvertBFloat16<T>(tensor),
            ElementType.Int64 => Convert<long, T>(tensor, tensor.Int64Data),
            ElementType.UInt64 => Convert<ulong, T>(tensor, tensor.Uint64Data),
            ElementType.UInt32 => Convert<uint, T>(tensor, tensor.Uint64Data.Select(number => (uint)number)),
            ElementType.Int32 => Convert<int, T>(tensor, tensor.Int32Data),
            ElementType.Int16 => Convert<short, T>(tensor, tensor.Int32Data.Select(number => (short)number)),
            ElementType.UInt16 => Convert<ushort, T>(tensor, tensor.Int32Data.Select(number => (ushort)number)),
            ElementType.Int8 => Convert<sbyte, T>(tensor, tensor.Int32Data.Select(number => (sbyte)number)),
            ElementType.UInt8 or ElementType.Bool =>
                Convert<byte, T>(tensor, tensor.Int32Data.Select(number => (byte)number)),
            _ => throw new OnnxGraphException($"The tensor '{tensor.Name}' holds {type}; it cannot be read as numbers."),
        };

        var expected = tensor.Dims.Aggregate(1L, (product, dimension) => product * dimension);
        return elements.Length == expected
            ? elements
            : throw new OnnxGraphException(
                $"The tensor '{tensor.Name}' of shape [{string.Join(", ", tensor.Dims)}] needs {expected} elements "
                + $"and has {elements.Length}.");
    }

    /// <summary>How much data a tensor holds: bytes where they are raw, else numbers in the list of its type; null for a
    /// type of unknown kind.</summary>
    public static long? Held(TensorProto tensor) => (ElementType)tensor.DataType switch
    {
        _ when tensor.HasRawData => tensor.RawData.Length,
        ElementType.Float or ElementType.Complex64 => tensor.FloatData.Count,
        ElementType.Double or ElementType.Complex128 => tensor.DoubleData.Count,
        ElementType.Int64 => tensor.Int64Data.Count,
        ElementType.UInt32 or ElementType.UInt64 => tensor.Uint64Data.Count,
        ElementType.String => tensor.StringData.Count,
        _ when BytesOf(tensor) is not null => tensor.Int32Data.Count,
        _ => null,
    };

    /// <summary>How much it should hold, in the unit of <see cref="Held"/>.</summary>
    public static double? Needed(TensorProto tensor) => (ElementType)tensor.DataType switch
    {
        ElementType.String => Product(tensor),
        _ when tensor.HasRawData => BytesOf(tensor),
        ElementType.Complex64 or ElementType.Complex128 => Product(tensor) * 2,
        ElementType.UInt2 or ElementType.Int2 or ElementType.UInt4 or ElementType.Int4 or ElementType.Float4E2M1 =>
            BytesOf(tensor),
        _ => Product(tensor),
    };

    /// <summary>The size of a tensor's raw data by its type and shape; null for a type of unknown size.</summary>
    public static double? BytesOf(TensorProto tensor)
    {
        int? bits = (ElementType)tensor.DataType switch
        {
            ElementType.UInt2 or ElementType.Int2 => 2,
            ElementType.UInt4 or ElementType.Int4 or ElementType.Float4E2M1 => 4,
            ElementType.Bool or ElementType.UInt8 or ElementType.Int8 => 8,
            >= ElementType.Float8E4M3FN and <= ElementType.Float8E5M2FNUZ or ElementType.Float8E8M0 => 8,
            ElementType.UInt16 or ElementType.Int16 or ElementType.Float16 or ElementType.BFloat16 => 16,
            ElementType.UInt32 or ElementType.Int32 or ElementType.Float => 32,
            ElementType.UInt64 or ElementType.Int64 or ElementType.Double or ElementType.Complex64 => 64,
            ElementType.Complex128 => 128,
            _ => null,
        };

        return bits is null ? null : Math.Ceiling(Product(tensor) * bits.Value / 8);
    }

    // In double: dimensions from a file may overflow any integer, and no file is large enough to be rounded.
    private static double Product(TensorProto tensor) => tensor.Dims.Aggregate(1.0, (product, size) => product * size);

    private static Half BitsToHalf(int bits) => BitConverter.UInt16BitsToHalf((ushort)bits);

    private static TTo[] Convert<TFrom, TTo>(TensorProto tensor, IEnumerable<TFrom> listed)
        where TFrom : unmanaged, INumber<TFrom>
        where TTo : INumber<TTo>
    {
        if (!tensor.HasRawData)
        {
            return [.. listed.Select(TTo.CreateTruncating)];
        }

        var stored = MemoryMarshal.Cast<byte, TFrom>(tensor.RawData.Span);
        var converted = new TTo[stored.Length];
        for (var i = 0; i < converted.Length; i++)
        {
            converted[i] = TTo.CreateTruncating(stored[i]);
        }

        return converted;
    }

    private static T[] ConvertBFloat16<T>(TensorProto tensor)
        where T : INumber<T>
    {
        var bits = Convert<ushort, int>(tensor, tensor.Int32Data.Select(number => (ushort)number));
        return Array.ConvertAll(bits, number => T.CreateTruncating(BitConverter.Int32BitsToSingle(number << 16)));
    }
}
