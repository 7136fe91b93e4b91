using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using VisionService.Inference;

namespace VisionService.Api.OpenInference;

/// <summary>A tensor that came as a JSON array, nested by its axes or flat; read straight into its place.</summary>
/// <param name="data">The array's text, well-formed JSON.</param>
internal sealed class JsonInput(string name, Datatype datatype, long[] shape, InferParameters parameters, ReadOnlyMemory<byte> data)
    : InferInput(name, datatype, shape, parameters)
{
    private delegate bool Reading<T>(ref Utf8JsonReader reader, out T value);

    // An element takes a character, and a comma or a bracket behind it.
    private const int LeastElementBytes = 2;

    public override void CheckSize(long elements, long bytes)
    {
        if (elements > data.Length / LeastElementBytes)
        {
            throw WrongSize($"fewer than {(data.Length / LeastElementBytes) + 1} elements", $"{elements}");
        }
    }

    public override void CopyTo(Span<byte> destination)
    {
        switch (Datatype)
        {
            case Datatype.BOOL:
                Read<bool>(destination, TryGetBoolean);
                break;
            case Datatype.UINT8:
                ReadIntegers(destination, static (ref Utf8JsonReader reader, out byte value) => reader.TryGetByte(out value));
                break;
            case Datatype.UINT16:
                ReadIntegers(destination, static (ref Utf8JsonReader reader, out ushort value) => reader.TryGetUInt16(out value));
                break;
            case Datatype.UINT32:
                ReadIntegers(destination, static (ref Utf8JsonReader reader, out uint value) => reader.TryGetUInt32(out value));
                break;
            case Datatype.UINT64:
                ReadIntegers(destination, static (ref Utf8JsonReader reader, out ulong value) => reader.TryGetUInt64(out value));
                break;
            case Datatype.INT8:
                ReadIntegers(destination, static (ref Utf8JsonReader reader, out sbyte value) => reader.TryGetSByte(out value));
                break;
            case Datatype.INT16:
                ReadIntegers(destination, static (ref Utf8JsonReader reader, out short value) => reader.TryGetInt16(out value));
                break;
            case Datatype.INT32:
                ReadIntegers(destination, static (ref Utf8JsonReader reader, out int value) => reader.TryGetInt32(out value));
                break;
            case Datatype.INT64:
                ReadIntegers(destination, static (ref Utf8JsonReader reader, out long value) => reader.TryGetInt64(out value));
                break;
            case Datatype.FP16:
                Read(destination, static (ref Utf8JsonReader reader, out Half value) =>
                {
                    var isNumber = TryGetSingle(ref reader, out var number);
                    value = (Half)number;
                    return isNumber && Half.IsInfinity(value) == float.IsInfinity(number);
                });
                break;
            case Datatype.BF16:
                Read(destination, static (ref Utf8JsonReader reader, out ushort value) =>
                {
                    var isNumber = TryGetSingle(ref reader, out var number);
                    value = BrainFloat.Of(number);
                    return isNumber;
                });
                break;
            case Datatype.FP32:
                Read<float>(destination, TryGetSingle);
                break;
            case Datatype.FP64:
                Read<double>(destination, TryGetDouble);
                break;
            default:
                throw new NotSupportedException($"Elements of {Datatype} have no JSON.");
        }
    }

    public override byte[][] Texts(long elements)
    {
        var texts = new byte[elements][];
        Read<byte[]>(texts, static (ref Utf8JsonReader reader, out byte[] value) =>
        {
            value = reader.TokenType == JsonTokenType.String ? Encoding.UTF8.GetBytes(reader.GetString()!) : [];
            return reader.TokenType == JsonTokenType.String;
        }, onlyNumbers: false);
        return texts;
    }

    private static bool TryGetBoolean(ref Utf8JsonReader reader, out bool value)
    {
        value = reader.TokenType == JsonTokenType.True;
        return value || reader.TokenType == JsonTokenType.False;
    }

    private static bool TryGetSingle(ref Utf8JsonReader reader, out float value)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            return reader.TryGetSingle(out value) && float.IsFinite(value);
        }

        var isNamed = TryGetNamed(ref reader, out var named);
        value = (float)named;
        return isNamed;
    }

    private static bool TryGetDouble(ref Utf8JsonReader reader, out double value) => reader.TokenType == JsonTokenType.Number
        ? reader.TryGetDouble(out value) && double.IsFinite(value)
        : TryGetNamed(ref reader, out value);

    /// <summary>What JSON has no numbers for, under the names of System.Text.Json and Python.</summary>
    private static bool TryGetNamed(ref Utf8JsonReader reader, out double value)
    {
        value = reader.TokenType != JsonTokenType.String ? 0
            : reader.ValueTextEquals("NaN"u8) ? double.NaN
            : reader.ValueTextEquals("Infinity"u8) ? double.PositiveInfinity
            : reader.ValueTextEquals("-Infinity"u8) ? double.NegativeInfinity
            : 0;
        return !double.IsFinite(value);
    }

    private void ReadIntegers<T>(Span<byte> destination, Reading<T> read)
        where T : unmanaged => Read(MemoryMarshal.Cast<byte, T>(destination), read, onlyNumbers: true);

    private void Read<T>(Span<byte> destination, Reading<T> read)
        where T : unmanaged => Read(MemoryMarshal.Cast<byte, T>(destination), read, onlyNumbers: false);

    /// <param name="onlyNumbers">Whether the reading throws on anything else.</param>
    private void Read<T>(Span<T> elements, Reading<T> read, bool onlyNumbers)
    {
        var reader = new Utf8JsonReader(data.Span);
        var count = 0;
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.EndArray)
                {
                    continue;
                }

                if (count == elements.Length)
                {
                    throw WrongSize($"more than {count} elements", $"{count}");
                }

                var isValue = reader.TokenType is JsonTokenType.Number
                    || (!onlyNumbers && reader.TokenType is JsonTokenType.String or JsonTokenType.True or JsonTokenType.False);
                if (!isValue || !read(ref reader, out elements[count]))
                {
                    throw new VisionException(
                        VisionError.InvalidRequest, $"Element {count} of input '{Name}' is {Shown(ref reader)}, which is no {Datatype}.");
                }

                count++;
            }
        }
        catch (InvalidOperationException exception)
        {
            throw new VisionException(
                VisionError.InvalidRequest, $"Element {count} of input '{Name}' is a text that is not valid UTF-8.", exception);
        }

        if (count != elements.Length)
        {
            throw WrongSize($"{count} elements", $"{elements.Length}");
        }
    }

    private static string Shown(ref Utf8JsonReader reader)
    {
        const int Most = 32;
        var text = Encoding.UTF8.GetString(reader.ValueSpan[..Math.Min(Most, reader.ValueSpan.Length)]);
        return reader.TokenType == JsonTokenType.String ? $"'{text}'" : text;
    }
}

/// <summary>bfloat16: the upper half of a float.</summary>
internal static class BrainFloat
{
    public static ushort Of(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);

        // To the nearest, ties to even; a NaN stays one.
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }

    public static float ToSingle(ushort value) => BitConverter.UInt32BitsToSingle((uint)value << 16);
}
