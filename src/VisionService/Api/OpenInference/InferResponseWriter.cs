using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net.Mime;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using VisionService.Inference;

namespace VisionService.Api.OpenInference;

/// <summary>Writes an answer as JSON, with the tensors that were wanted so behind it as they lie in memory.</summary>
internal static class InferResponseWriter
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="isBinary">What holds for outputs of which the request says nothing else.</param>
    public static async Task WriteAsync(HttpContext http, InferAnswer answer, bool isBinary)
    {
        var binary = answer.Outputs.Where(output => IsBinary(output, isBinary)).ToArray();
        if (binary.Length == 0)
        {
            http.Response.ContentType = MediaTypeNames.Application.Json;
            WriteJson(http.Response.BodyWriter, answer, isBinary);
        }
        else
        {
            var json = new ArrayBufferWriter<byte>();
            WriteJson(json, answer, isBinary);
            http.Response.ContentType = MediaTypeNames.Application.Octet;
            http.Response.Headers[OpenInferenceEndpoints.HeaderLength] = json.WrittenCount.ToString(CultureInfo.InvariantCulture);
            http.Response.ContentLength = json.WrittenCount + binary.Sum(BinaryLength);
            http.Response.BodyWriter.Write(json.WrittenSpan);
            foreach (var output in binary)
            {
                WriteBinary(http.Response.BodyWriter, output);
            }
        }

        // Everything is in the response's own buffers: a slow client does not hold the model's memory.
        answer.Dispose();
        await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
    }

    /// <summary>The elements as the protocol sends them: texts each behind its length in four bytes.</summary>
    public static long BinaryLength(InferOutput output) => output.Datatype == Datatype.BYTES
        ? output.Texts.Sum(static text => (long)sizeof(uint) + text.Length)
        : output.Bytes.Length;

    /// <inheritdoc cref="BinaryLength"/>
    public static void WriteBinary(IBufferWriter<byte> body, InferOutput output)
    {
        if (output.Datatype != Datatype.BYTES)
        {
            body.Write(output.Bytes);
            return;
        }

        foreach (var text in output.Texts)
        {
            BinaryPrimitives.WriteInt32LittleEndian(body.GetSpan(sizeof(int)), text.Length);
            body.Advance(sizeof(int));
            body.Write(text.Span);
        }
    }

    private static bool IsBinary(InferOutput output, bool otherwise) => output.Parameters?.Flag("binary_data") ?? otherwise;

    private static void WriteJson(IBufferWriter<byte> body, InferAnswer answer, bool isBinary)
    {
        using var writer = new Utf8JsonWriter(body, Readable);
        writer.WriteStartObject();
        writer.WriteString("model_name", answer.Model.Name);
        writer.WriteString("model_version", answer.Model.Version);
        if (answer.Id is { } id)
        {
            writer.WriteString("id", id);
        }

        writer.WriteStartArray("outputs");
        foreach (var output in answer.Outputs)
        {
            writer.WriteStartObject();
            writer.WriteString("name", output.Name);
            writer.WriteString("datatype", output.Datatype.ToString());
            writer.WriteStartArray("shape");
            foreach (var size in output.Shape)
            {
                writer.WriteNumberValue(size);
            }

            writer.WriteEndArray();
            if (IsBinary(output, isBinary))
            {
                writer.WriteStartObject("parameters");
                writer.WriteNumber("binary_data_size", BinaryLength(output));
                writer.WriteEndObject();
            }
            else
            {
                writer.WriteStartArray("data");
                WriteElements(writer, output);
                writer.WriteEndArray();
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteElements(Utf8JsonWriter writer, InferOutput output)
    {
        switch (output.Datatype)
        {
            case Datatype.BOOL:
                Write<bool>(writer, output, static (writer, value) => writer.WriteBooleanValue(value));
                break;
            case Datatype.UINT8:
                Write<byte>(writer, output, static (writer, value) => writer.WriteNumberValue(value));
                break;
            case Datatype.UINT16:
                Write<ushort>(writer, output, static (writer, value) => writer.WriteNumberValue(value));
                break;
            case Datatype.UINT32:
                Write<uint>(writer, output, static (writer, value) => writer.WriteNumberValue(value));
                break;
            case Datatype.UINT64:
                Write<ulong>(writer, output, static (writer, value) => writer.WriteNumberValue(value));
                break;
            case Datatype.INT8:
                Write<sbyte>(writer, output, static (writer, value) => writer.WriteNumberValue(value));
                break;
            case Datatype.INT16:
                Write<short>(writer, output, static (writer, value) => writer.WriteNumberValue(value));
                break;
            case Datatype.INT32:
                Write<int>(writer, output, static (writer, value) => writer.WriteNumberValue(value));
                break;
            case Datatype.INT64:
                Write<long>(writer, output, static (writer, value) => writer.WriteNumberValue(value));
                break;
            case Datatype.FP16:
                Write<Half>(writer, output, static (writer, value) => Write(writer, (float)value));
                break;
            case Datatype.BF16:
                Write<ushort>(writer, output, static (writer, value) => Write(writer, BrainFloat.ToSingle(value)));
                break;
            case Datatype.FP32:
                Write<float>(writer, output, Write);
                break;
            case Datatype.FP64:
                Write<double>(writer, output, Write);
                break;
            case Datatype.BYTES:
                foreach (var text in output.Texts)
                {
                    writer.WriteStringValue(Encoding.UTF8.GetString(text.Span));
                }

                break;
            default:
                throw new NotSupportedException($"Elements of {output.Datatype} have no JSON.");
        }
    }

    private static void Write<T>(Utf8JsonWriter writer, InferOutput output, Action<Utf8JsonWriter, T> write)
        where T : unmanaged
    {
        foreach (var value in MemoryMarshal.Cast<byte, T>(output.Bytes))
        {
            write(writer, value);
        }
    }

    private static void Write(Utf8JsonWriter writer, float value)
    {
        if (float.IsFinite(value))
        {
            writer.WriteNumberValue(value);
        }
        else
        {
            writer.WriteStringValue(Named(value));
        }
    }

    private static void Write(Utf8JsonWriter writer, double value)
    {
        if (double.IsFinite(value))
        {
            writer.WriteNumberValue(value);
        }
        else
        {
            writer.WriteStringValue(Named(value));
        }
    }

    /// <summary>What JSON has no numbers for, under the names of System.Text.Json and Python.</summary>
    private static string Named(double value) => double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}
