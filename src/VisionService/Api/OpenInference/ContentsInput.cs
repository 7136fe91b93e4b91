using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Protobuf.Collections;
using VisionService.Api.OpenInference.V2;
using VisionService.Inference;

namespace VisionService.Api.OpenInference;

/// <summary>A tensor that came in the typed fields of a gRPC message.</summary>
internal sealed class ContentsInput(string name, Datatype datatype, long[] shape, InferParameters parameters, InferTensorContents contents)
    : InferInput(name, datatype, shape, parameters)
{
    public override void CheckSize(long elements, long bytes)
    {
        var count = Datatype switch
        {
            Datatype.BOOL => contents.BoolContents.Count,
            Datatype.INT8 or Datatype.INT16 or Datatype.INT32 => contents.IntContents.Count,
            Datatype.INT64 => contents.Int64Contents.Count,
            Datatype.UINT8 or Datatype.UINT16 or Datatype.UINT32 => contents.UintContents.Count,
            Datatype.UINT64 => contents.Uint64Contents.Count,
            Datatype.FP32 => contents.Fp32Contents.Count,
            Datatype.FP64 => contents.Fp64Contents.Count,
            Datatype.BYTES => contents.BytesContents.Count,
            _ => throw new VisionException(
                VisionError.InvalidRequest, $"Input '{Name}' is {Datatype}, which has no typed contents; send it in raw_input_contents."),
        };
        if (count != elements)
        {
            throw WrongSize($"{count} elements in the field of its type", $"{elements}");
        }
    }

    public override void CopyTo(Span<byte> destination)
    {
        switch (Datatype)
        {
            case Datatype.BOOL:
                Copy(contents.BoolContents, MemoryMarshal.Cast<byte, bool>(destination));
                break;
            case Datatype.INT8:
                Narrow<int, sbyte>(contents.IntContents, destination, static value => value is >= sbyte.MinValue and <= sbyte.MaxValue, static value => (sbyte)value);
                break;
            case Datatype.INT16:
                Narrow<int, short>(contents.IntContents, destination, static value => value is >= short.MinValue and <= short.MaxValue, static value => (short)value);
                break;
            case Datatype.INT32:
                Copy(contents.IntContents, MemoryMarshal.Cast<byte, int>(destination));
                break;
            case Datatype.INT64:
                Copy(contents.Int64Contents, MemoryMarshal.Cast<byte, long>(destination));
                break;
            case Datatype.UINT8:
                Narrow<uint, byte>(contents.UintContents, destination, static value => value <= byte.MaxValue, static value => (byte)value);
                break;
            case Datatype.UINT16:
                Narrow<uint, ushort>(contents.UintContents, destination, static value => value <= ushort.MaxValue, static value => (ushort)value);
                break;
            case Datatype.UINT32:
                Copy(contents.UintContents, MemoryMarshal.Cast<byte, uint>(destination));
                break;
            case Datatype.UINT64:
                Copy(contents.Uint64Contents, MemoryMarshal.Cast<byte, ulong>(destination));
                break;
            case Datatype.FP32:
                Copy(contents.Fp32Contents, MemoryMarshal.Cast<byte, float>(destination));
                break;
            case Datatype.FP64:
                Copy(contents.Fp64Contents, MemoryMarshal.Cast<byte, double>(destination));
                break;
            default:
                throw new NotSupportedException($"Elements of {Datatype} have no contents.");
        }
    }

    public override byte[][] Texts(long elements) => [.. contents.BytesContents.Select(static text => text.ToByteArray())];

    /// <summary>An output's elements in the field of their type; null where the type has none.</summary>
    public static InferTensorContents? Of(InferOutput output)
    {
        var contents = new InferTensorContents();
        switch (output.Datatype)
        {
            case Datatype.BOOL:
                Add<bool, bool>(contents.BoolContents, output, static value => value);
                break;
            case Datatype.INT8:
                Add<sbyte, int>(contents.IntContents, output, static value => value);
                break;
            case Datatype.INT16:
                Add<short, int>(contents.IntContents, output, static value => value);
                break;
            case Datatype.INT32:
                Add<int, int>(contents.IntContents, output, static value => value);
                break;
            case Datatype.INT64:
                Add<long, long>(contents.Int64Contents, output, static value => value);
                break;
            case Datatype.UINT8:
                Add<byte, uint>(contents.UintContents, output, static value => value);
                break;
            case Datatype.UINT16:
                Add<ushort, uint>(contents.UintContents, output, static value => value);
                break;
            case Datatype.UINT32:
                Add<uint, uint>(contents.UintContents, output, static value => value);
                break;
            case Datatype.UINT64:
                Add<ulong, ulong>(contents.Uint64Contents, output, static value => value);
                break;
            case Datatype.FP32:
                Add<float, float>(contents.Fp32Contents, output, static value => value);
                break;
            case Datatype.FP64:
                Add<double, double>(contents.Fp64Contents, output, static value => value);
                break;
            case Datatype.BYTES:
                contents.BytesContents.AddRange(output.Texts.Select(static text => ByteString.CopyFrom(text.Span)));
                break;
            default:
                return null;
        }

        return contents;
    }

    private static void Copy<T>(RepeatedField<T> field, Span<T> destination)
    {
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = field[i];
        }
    }

    private void Narrow<TFrom, TTo>(RepeatedField<TFrom> field, Span<byte> destination, Func<TFrom, bool> fits, Func<TFrom, TTo> convert)
        where TTo : unmanaged
    {
        var elements = MemoryMarshal.Cast<byte, TTo>(destination);
        for (var i = 0; i < elements.Length; i++)
        {
            elements[i] = fits(field[i]) ? convert(field[i]) : throw new VisionException(
                VisionError.InvalidRequest, $"Element {i} of input '{Name}' is {field[i]}, which is no {Datatype}.");
        }
    }

    private static void Add<TFrom, TTo>(RepeatedField<TTo> field, InferOutput output, Func<TFrom, TTo> widen)
        where TFrom : unmanaged
    {
        var elements = MemoryMarshal.Cast<byte, TFrom>(output.Bytes);
        field.Capacity = elements.Length;
        foreach (var element in elements)
        {
            field.Add(widen(element));
        }
    }
}
