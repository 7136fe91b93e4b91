using System.Text;
using System.Text.Json;
using VisionService.Inference;

namespace VisionService.Api.OpenInference;

/// <summary>
/// Reads a request's body: a JSON object and, behind it, the tensors that it announces by <c>binary_data_size</c>. The
/// elements stay where they are until the tensor is known to fit.
/// </summary>
/// <remarks>The Open Inference Protocol v2 and Triton's extension for binary tensor data.</remarks>
internal sealed class InferRequestReader
{
    private const string BinarySize = "binary_data_size";

    // Far more than any model or parameter has; a body could hold millions of each.
    private const int MaxTensors = 1000;
    private const int MaxParameters = 256;
    private const int MaxValues = 100_000;

    private readonly ReadOnlyMemory<byte> _json;
    private readonly bool _hasBinary;
    private readonly List<InferInput> _inputs = [];
    private readonly List<RequestedOutput> _outputs = [];
    private ReadOnlyMemory<byte> _binary;
    private InferParameters _parameters = new();
    private string? _id;

    private InferRequestReader(ReadOnlyMemory<byte> json, ReadOnlyMemory<byte> binary, bool hasBinary) =>
        (_json, _binary, _hasBinary) = (json, binary, hasBinary);

    /// <param name="headerLength">How much of the body is JSON; null: all of it.</param>
    /// <exception cref="VisionException">The body is not of that form.</exception>
    public static InferRequest Read(string model, ReadOnlyMemory<byte> body, long? headerLength)
    {
        if (headerLength is { } length && (length < 1 || length > body.Length))
        {
            throw Invalid($"{OpenInferenceEndpoints.HeaderLength} is {length}; the body has {body.Length} bytes");
        }

        var json = headerLength is null ? body : body[..(int)headerLength];
        var reader = new InferRequestReader(json, body[json.Length..], headerLength is not null);
        try
        {
            reader.ReadRequest();
        }
        catch (JsonException exception)
        {
            throw new VisionException(
                VisionError.InvalidRequest,
                $"The body is not valid JSON, line {exception.LineNumber + 1}, byte {exception.BytePositionInLine}.",
                exception);
        }
        catch (InvalidOperationException exception)
        {
            // A text with bytes that are no UTF-8, or half of a surrogate pair.
            throw new VisionException(VisionError.InvalidRequest, "The JSON body holds a text that is not valid UTF-8.", exception);
        }

        if (!reader._binary.IsEmpty)
        {
            throw Invalid($"The last {reader._binary.Length} bytes of the body belong to no input's {BinarySize}");
        }

        return new InferRequest(model, reader._id, reader._parameters, reader._inputs, reader._outputs);
    }

    private static void RefuseTooMany(int count, int limit, string what)
    {
        if (count > limit)
        {
            throw new VisionException(VisionError.TooLarge, $"The list '{what}' has more than {limit} elements.");
        }
    }

    private static VisionException Invalid(string what) => new(VisionError.InvalidRequest, $"{what}.");

    private void ReadRequest()
    {
        var reader = new Utf8JsonReader(_json.Span);
        reader.Read();
        Expect(ref reader, JsonTokenType.StartObject, "The body", "an object");
        while (NextMember(ref reader) is { } name)
        {
            switch (name)
            {
                case "id":
                    _id = Text(ref reader, "id");
                    break;
                case "parameters":
                    _parameters = Parameters(ref reader);
                    break;
                case "inputs":
                    Expect(ref reader, JsonTokenType.StartArray, "'inputs'", "a list");
                    while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    {
                        _inputs.Add(Input(ref reader));
                        RefuseTooMany(_inputs.Count, MaxTensors, "inputs");
                    }

                    break;
                case "outputs":
                    Expect(ref reader, JsonTokenType.StartArray, "'outputs'", "a list");
                    while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    {
                        _outputs.Add(Output(ref reader));
                        RefuseTooMany(_outputs.Count, MaxTensors, "outputs");
                    }

                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        // The reader has the last word on what follows the closing brace.
        while (reader.Read())
        {
        }

        if (_inputs.Count == 0)
        {
            throw Invalid("The request has no 'inputs'");
        }
    }

    private InferInput Input(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, "An element of 'inputs'", "an object");
        string? name = null, datatype = null;
        long[]? shape = null;
        var parameters = new InferParameters();
        ReadOnlyMemory<byte>? data = null;
        while (NextMember(ref reader) is { } member)
        {
            switch (member)
            {
                case "name":
                    name = Text(ref reader, "name");
                    break;
                case "datatype":
                    datatype = Text(ref reader, "datatype");
                    break;
                case "shape":
                    shape = Shape(ref reader);
                    break;
                case "parameters":
                    parameters = Parameters(ref reader);
                    break;
                case "data":
                    Expect(ref reader, JsonTokenType.StartArray, "'data'", "a list");
                    var start = (int)reader.TokenStartIndex;
                    reader.Skip();
                    data = _json[start..(int)reader.BytesConsumed];
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (name is null || datatype is null || shape is null)
        {
            throw Invalid($"An input needs 'name', 'datatype' and 'shape'; {(name is null ? "one" : $"'{name}'")} lacks '{(name is null ? "name" : datatype is null ? "datatype" : "shape")}'");
        }

        var type = Datatypes.Parse(name, datatype);
        var size = parameters.Integer(BinarySize, long.MinValue, long.MaxValue);
        return (data, size) switch
        {
            ({ } array, null) => new JsonInput(name, type, shape, parameters, array),
            (null, { } bytes) => new RawInput(name, type, shape, parameters, TakeBinary(name, bytes)),
            (null, null) => throw Invalid($"Input '{name}' has neither 'data' nor {BinarySize}"),
            _ => throw Invalid($"Input '{name}' has both 'data' and {BinarySize}"),
        };
    }

    private ReadOnlyMemory<byte> TakeBinary(string input, long size)
    {
        if (!_hasBinary)
        {
            throw Invalid($"Input '{input}' has {BinarySize}, but the request has no header {OpenInferenceEndpoints.HeaderLength}");
        }

        if (size < 0 || size > _binary.Length)
        {
            throw Invalid($"Input '{input}' has {BinarySize} {size}; {_binary.Length} bytes of the body are left for it");
        }

        var taken = _binary[..(int)size];
        _binary = _binary[(int)size..];
        return taken;
    }

    private static RequestedOutput Output(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, "An element of 'outputs'", "an object");
        string? name = null;
        var parameters = new InferParameters();
        while (NextMember(ref reader) is { } member)
        {
            switch (member)
            {
                case "name":
                    name = Text(ref reader, "name");
                    break;
                case "parameters":
                    parameters = Parameters(ref reader);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new RequestedOutput(name ?? throw Invalid("An output lacks 'name'"), parameters);
    }

    private static long[] Shape(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartArray, "'shape'", "a list of whole numbers");
        var shape = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            shape.Add(reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var size)
                ? size
                : throw Invalid($"'shape' must be a list of whole numbers; element {shape.Count} is {Value(ref reader)}"));
        }

        return [.. shape];
    }

    private static InferParameters Parameters(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, "'parameters'", "an object");
        var parameters = new InferParameters();
        var count = 0;
        while (NextMember(ref reader) is { } name)
        {
            RefuseTooMany(++count, MaxParameters, "parameters");
            if (reader.TokenType == JsonTokenType.StartArray)
            {
                var values = new List<string>();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    values.Add(Value(ref reader));
                    RefuseTooMany(values.Count, MaxValues, name);
                }

                parameters.Set(name, values);
            }
            else if (reader.TokenType == JsonTokenType.StartObject)
            {
                reader.Skip(); // no parameter of ours is an object
            }
            else if (reader.TokenType != JsonTokenType.Null)
            {
                parameters.Set(name, Value(ref reader));
            }
        }

        return parameters;
    }

    private static string Value(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString()!,
        JsonTokenType.True => "true",
        JsonTokenType.False => "false",
        JsonTokenType.StartArray or JsonTokenType.StartObject => throw Invalid("A parameter or a size is nested too deeply"),
        _ => Encoding.UTF8.GetString(reader.ValueSpan),
    };

    private static string Text(ref Utf8JsonReader reader, string member)
    {
        Expect(ref reader, JsonTokenType.String, $"'{member}'", "a text");
        return reader.GetString()!;
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string what, string form)
    {
        if (reader.TokenType != type)
        {
            throw Invalid($"{what} must be {form}");
        }
    }

    /// <summary>The name of the object's next member, with the reader on its value; null at the object's end.</summary>
    private static string? NextMember(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.PropertyName)
        {
            return null;
        }

        var name = reader.GetString();
        reader.Read();
        return name;
    }
}
